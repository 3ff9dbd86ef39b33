"""Measures models: whether a model loads and gives finite numbers, and its loss on unseen pairs."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from x_instruction.models.batches import padded, rows_of
from x_instruction.models.checkpoints import load_model, load_tokenizer
from x_instruction.models.examples import Example
from x_instruction.models.fitting import refuse_too_large_a_model
from x_instruction.models.losses import completion_loss, losses_by_row
from x_instruction.models.precision import inference_dtype
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Metric

ROWS_PER_BATCH = 16
# The most logits of a batch that has more than one example: 0.5 GB in float32. Without this limit, 16 completions of
# 2,000 tokens with a vocabulary of 128,000 would take 16 GB.
MOST_LOGITS = 2**27


def model_to_measure(folder: Path, dtype: str | None = None) -> Any:
    """Loads the model of a folder, on the GPU if there is one, and in float32 on a device without bfloat16.

    The weights are first rounded to the type `dtype`, by default the stored type, so that only the rounding of matrix
    products depends on the device.
    """
    import torch

    fast = inference_dtype()
    refuse_too_large_a_model(folder, fast or dtype)
    model = load_model(folder, dtype=dtype)
    place = "cuda" if torch.cuda.is_available() else "cpu"
    return model.to(place, getattr(torch, fast) if fast else None).eval()


def model_facts(folder: Path) -> dict[str, Metric]:
    """The number of parameters, and three figures that show whether the model works.

    `finite` and `entropy_share` are computed from the logits of one short prompt.
    """
    import torch

    tokenizer = load_tokenizer(folder)
    model = model_to_measure(folder)
    ids = tokenizer("A short text.", add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = model(torch.tensor([ids], device=model.device)).logits.float()
    probabilities = torch.softmax(logits[0, -1], dim=-1)
    entropy = float(-(probabilities * probabilities.clamp_min(1e-12).log()).sum())
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "finite": int(torch.isfinite(logits).all()),
        # The entropy of the prediction after the prompt, divided by the entropy of a uniform prediction. The value is
        # near 1 for a model that has learned nothing.
        "entropy_share": entropy / math.log(logits.shape[-1]),
        "vocabulary_fits": int(len(tokenizer) <= logits.shape[-1]),
    }


def held_out_loss(folder: Path, examples: Sequence[Example], dtype: str | None = None) -> float:
    """Mean loss per completion token of the model of a folder, in nats, over the tokens of all examples."""
    return mean_losses(folder, [examples], dtype)[0]


def mean_losses(folder: Path, kinds: Sequence[Sequence[Example]], dtype: str | None = None) -> list[float]:
    """The same as `held_out_loss` for several lists of examples; the model is loaded once."""
    if not all(kinds):
        raise InputError("there is no held-out seed: raise seed_pairs.held_out_share or add seeds")
    model = model_to_measure(folder, dtype)
    return [mean_loss(model, examples) for examples in kinds]


def example_losses(folder: Path, examples: Sequence[Example]) -> list[tuple[float, int]]:
    """For each example, the summed loss of its completion, in nats, and the number of the completion's tokens."""
    import torch

    model, by_number = model_to_measure(folder), dict[int, tuple[float, int]]()
    order = sorted(range(len(examples)), key=lambda number: len(examples[number].prompt + examples[number].completion))
    for batch in _batches([examples[number] for number in order], _max_tokens(model)):
        inputs = {name: part.to(model.device) for name, part in padded(rows_of(batch, sys.maxsize), pad=0).items()}
        with torch.inference_mode():
            losses = losses_by_row(model, inputs)
        by_number.update(zip(order[len(by_number) : len(by_number) + len(batch)], losses, strict=True))
    return [by_number[number] for number in range(len(examples))]


def _max_tokens(model: Any) -> int:
    return int(MOST_LOGITS // model.config.get_text_config().vocab_size)


def mean_loss(model: Any, examples: Sequence[Example], labels: Sequence[int] | None = None) -> float:
    """Mean loss per completion token of a loaded model, in nats, over the tokens of all examples.

    If `labels` (token ids) are given, each completion must be one of them, and the softmax is over the labels only.
    """
    import torch

    was_training, loss, tokens = model.training, 0.0, 0
    model.eval()
    limit = _max_tokens(model)
    for batch in _batches(sorted(examples, key=lambda example: len(example.prompt) + len(example.completion)), limit):
        with torch.inference_mode():
            inputs = padded(rows_of(batch, sys.maxsize), pad=0)
            summed, count = completion_loss(
                model, {name: part.to(model.device) for name, part in inputs.items()}, labels
            )
        loss, tokens = loss + float(summed), tokens + count
    model.train(was_training)
    return loss / tokens


def _batches(ordered: Sequence[Example], max_tokens: int) -> Iterator[Sequence[Example]]:
    """Yields batches of up to ROWS_PER_BATCH examples, in the given order; smaller ones if completions are long."""
    start = 0
    while start < len(ordered):
        batch = ordered[start : start + ROWS_PER_BATCH]
        while len(batch) > 1 and sum(len(example.completion) for example in batch) > max_tokens:
            batch = batch[:-1]
        yield batch
        start += len(batch)
