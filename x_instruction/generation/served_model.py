"""Checks that an endpoint serves the model of a folder, by comparing its answers with those of the local weights.

Comparing names is not enough: a server may give a model any name, or may still have the old weights of a stage that ran
again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from x_instruction.generation.interface import Engine
from x_instruction.generation.settings import TextGeneration
from x_instruction.runner.errors import InputError
from x_instruction.runner.published import manifest_of

Item = TypeVar("Item")
# A question asks an engine for the numbers to compare: log-probabilities, or label probabilities.
Question = Callable[[Engine], list[float]]

MODEL = "{model}"
COMPARED = 4  # number of prompts of the first call whose answers are compared


def served_name(folder: Path, settings: TextGeneration) -> str:
    """The name by which the server knows the model of a folder."""
    manifest = manifest_of(folder)
    name = "/".join(part for part in (manifest.get("artifact"), manifest.get("partition")) if part) or folder.name
    return (settings.endpoint.model or "").replace(MODEL, name)


def refuse_another_model(served: Engine, folder: Path, settings: TextGeneration, ask: Question) -> None:
    """Asks the server, and the folder's weights in this process, the same question.

    Raises InputError if the answers differ by more than `max_difference` on average.
    """
    from x_instruction.generation.transformers_engine import TransformersEngine

    local = TransformersEngine(folder, settings, 0, device=_device(folder))
    by_weights, by_server = ask(local), ask(served)
    local.close()
    differences = [abs(weights - server) for weights, server in zip(by_weights, by_server, strict=True)]
    difference = math.fsum(differences) / len(differences)
    limit = settings.endpoint.max_difference
    if limit is not None and not difference <= limit:
        raise InputError(
            f"the endpoint {settings.endpoint.url} serves another model as '{served_name(folder, settings)}' than "
            f"the one in {folder}: its answers differ by {difference:.3f} on average, and the limit is {limit}; "
            f"start the server with that folder (`vllm serve {folder}`), or raise "
            "text_generation.endpoint.max_difference if it serves the same weights in a lower precision"
        )


def shares_of(prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> Question:
    short = shortest(prompts, len)
    # The probabilities of labels are compared, not their logarithms: with bfloat16 logits near 20, rounding alone
    # changes a logarithm by 0.06.
    return lambda engine: [share * len(labels) for row in engine.score(short, labels) for share in row]


def likelihoods_of(pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Question:
    short = shortest(pairs, lambda pair: len(pair[0]) + len(pair[1]))
    return lambda engine: engine.likelihood([prompt for prompt, _ in short], [completion for _, completion in short])


def shortest(items: Sequence[Item], length: Callable[[Item], int]) -> list[Item]:
    """The COMPARED shortest items. Short ones are chosen, because a large model may have to read them on a CPU."""
    return sorted(items, key=length)[:COMPARED]


def _device(folder: Path) -> str:
    """The GPU if it has free memory for the model beside the server; otherwise the CPU."""
    import torch

    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    free = torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else 0
    return "cuda" if free > 1.5 * size else "cpu"
