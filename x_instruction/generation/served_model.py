"""Whether an endpoint serves the model of a folder: what it is asked for by name, and what its weights answer.

A name proves nothing: a server may know one model by any name, or hold the weights that lay in the folder before a
stage was run again. A manifest that names a model must be true of whoever answered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from x_instruction.generation.interface import Engine
from x_instruction.generation.settings import TextGeneration
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json

Item = TypeVar("Item")
# What an engine gives of what is compared: log-probabilities, or shares of labels.
Question = Callable[[Engine], list[float]]

MODEL = "{model}"
COMPARED = 4  # prompts of the first call


def served_name(folder: Path, settings: TextGeneration) -> str:
    """What the server knows the model of a folder by."""
    path = folder / "manifest.json"
    made = read_json(path) if path.exists() else {}
    name = "/".join(part for part in (made.get("artifact"), made.get("partition")) if part) or folder.name
    return (settings.endpoint.model or "").replace(MODEL, name)


def refuse_another_model(served: Engine, folder: Path, settings: TextGeneration, ask: Question) -> None:
    """Ask the server and the folder's weights, read in this process, the same.

    Raises InputError where they differ by more than `max_difference` in the mean.
    """
    from x_instruction.generation.transformers_engine import TransformersEngine

    own = TransformersEngine(folder, settings, 0, device=_device(folder))
    ours, theirs = ask(own), ask(served)
    own.close()
    difference = math.fsum(abs(one - other) for one, other in zip(ours, theirs, strict=True)) / len(ours)
    most = settings.endpoint.max_difference
    if most is not None and not difference <= most:
        raise InputError(
            f"the endpoint {settings.endpoint.url} serves another model as '{served_name(folder, settings)}' than "
            f"{folder} holds: its log-probabilities are {difference:.3f} nats off, {most} are allowed; start it with "
            f"that folder (`vllm serve {folder}`), or raise text_generation.endpoint.max_difference where it serves "
            "the same weights in a lower precision"
        )


def shares_of(prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> Question:
    short = shortest(prompts, len)
    # Of a small difference in nats, what the share lets count of it: of bfloat16 logits near 20 two labels' logarithms
    # are 0.06 apart by rounding alone.
    return lambda engine: [share * len(labels) for row in engine.score(short, labels) for share in row]


def likelihoods_of(pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Question:
    short = shortest(pairs, lambda pair: len(pair[0]) + len(pair[1]))
    return lambda engine: engine.likelihood([prompt for prompt, _ in short], [said for _, said in short])


def shortest(items: Sequence[Item], length: Callable[[Item], int]) -> list[Item]:
    """So many as are compared: a large model reads them on a CPU."""
    return sorted(items, key=length)[:COMPARED]


def _device(folder: Path) -> str:
    """The GPU where it has room: it may be the server's own."""
    import torch

    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    free = torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else 0
    return "cuda" if free > 1.5 * size else "cpu"
