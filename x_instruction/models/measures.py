"""Metrics of every model: whether it loads and gives finite numbers, and its loss on unseen pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from x_instruction.models.checkpoints import load_model, load_tokenizer
from x_instruction.models.examples import Example
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Metric

ROWS_PER_BATCH = 16
MOST_LOGITS = 2**27  # held at once, 0.5 GB; 16 rows of 2,000 tokens with a vocabulary of 128,000 would take 16 GB


def model_facts(folder: Path) -> dict[str, Metric]:
    """Number of parameters, and facts about the model's prediction after a short prompt."""
    import torch

    tokenizer = load_tokenizer(folder)
    model = load_model(folder).eval()
    ids = tokenizer("A short text.", add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits.float()
    probabilities = torch.softmax(logits[0, -1], dim=-1)
    entropy = float(-(probabilities * probabilities.clamp_min(1e-12).log()).sum())
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "finite": int(torch.isfinite(logits).all()),
        # Entropy of the next token relative to a uniform prediction: 1 means that the model has learned nothing.
        "entropy_share": entropy / math.log(logits.shape[-1]),
        "vocabulary_fits": int(len(tokenizer) <= logits.shape[-1]),
    }


def held_out_loss(folder: Path, examples: Sequence[Example]) -> float:
    """Mean loss per completion token, in nats, over the tokens of all examples."""
    import torch

    if not examples:
        raise InputError("there is no held-out seed: raise seed_pairs.held_out_share or add seeds")
    model = load_model(folder).eval()
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    loss = tokens = 0.0
    ordered = sorted(examples, key=lambda example: len(example.prompt) + len(example.completion))
    for batch in _batches(ordered, MOST_LOGITS // model.config.get_text_config().vocab_size):
        batch_loss, batch_tokens = _batch_loss(model, batch)
        loss += batch_loss
        tokens += batch_tokens
    return loss / tokens


def _batches(ordered: Sequence[Example], most_tokens: int) -> Iterator[Sequence[Example]]:
    """Batches of up to ROWS_PER_BATCH examples in order of length, with fewer examples if they are long."""
    start = 0
    while start < len(ordered):
        batch = ordered[start : start + ROWS_PER_BATCH]
        while len(batch) > 1 and len(batch) * (len(batch[-1].prompt) + len(batch[-1].completion)) > most_tokens:
            batch = batch[:-1]
        yield batch
        start += len(batch)


def _batch_loss(model: object, examples: Sequence[Example]) -> tuple[float, int]:
    """Summed loss and number of completion tokens of a batch, padded on the right."""
    import torch

    width = max(len(example.prompt) + len(example.completion) for example in examples)
    ids = torch.zeros(len(examples), width, dtype=torch.long)
    labels = torch.full((len(examples), width), -100)
    mask = torch.zeros_like(ids)
    for row, example in enumerate(examples):
        start, end = len(example.prompt), len(example.prompt) + len(example.completion)
        ids[row, :end] = torch.tensor([*example.prompt, *example.completion])
        labels[row, start:end] = ids[row, start:end]
        mask[row, :end] = 1
    device = model.device  # type: ignore[attr-defined]
    with torch.inference_mode():
        logits = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits.float()  # type: ignore[operator]
    loss = torch.nn.functional.cross_entropy(
        logits[:, :-1].transpose(1, 2), labels[:, 1:].to(device), ignore_index=-100, reduction="sum"
    )
    return float(loss), int((labels != -100).sum())
