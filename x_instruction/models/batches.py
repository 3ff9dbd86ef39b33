"""Makes the input of training steps: rows of token ids, the order of the batches, and batches as tensors."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any, Literal

from x_instruction.models.examples import Example

IGNORED = -100  # label of tokens that do not count in the loss
GROUPED_BATCHES = 50  # the examples of this many batches are sorted by length together

Row = dict[str, list[int]]
Order = Literal["by_length", "at_random", "in_order"]


def rows_of(examples: Sequence[Example], max_tokens: int) -> list[Row]:
    """Rows with `input_ids` and `labels`, cut at `max_tokens`. An example without room for a completion is left out."""
    return [
        {
            "input_ids": [*example.prompt, *example.completion][:max_tokens],
            "labels": [*[IGNORED] * len(example.prompt), *example.completion][:max_tokens],
        }
        for example in examples
        # Otherwise no token of the completion is left to learn.
        if len(example.prompt) < max_tokens
    ]


def batch_order(lengths: Sequence[int], batch_size: int, epochs: float, seed: int, order: Order) -> list[list[int]]:
    """The row numbers of every batch of the training run.

    They depend only on the arguments, so a resumed run continues with the right batch. With the order `by_length`, the
    rows of a batch have similar lengths, and the batches are shuffled.
    """
    drawn: list[list[int]] = []
    for epoch in range(math.ceil(epochs)):
        rows = list(range(len(lengths)))
        chance = random.Random(f"{seed} {epoch}")
        if order != "in_order":
            chance.shuffle(rows)
        if order == "by_length":
            size = batch_size * GROUPED_BATCHES
            groups = [rows[start : start + size] for start in range(0, len(rows), size)]
            rows = [row for group in groups for row in sorted(group, key=lambda row: -lengths[row])]
        batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
        if order == "by_length":
            chance.shuffle(batches)
        drawn += batches
    return drawn[: math.ceil(epochs * math.ceil(len(lengths) / batch_size))]


def padded(rows: Sequence[Row], pad: int) -> dict[str, Any]:
    """A batch with one row for each example, padded on the right; shape (examples, tokens of the longest)."""
    import torch

    width = max(len(row["input_ids"]) for row in rows)

    def filled(key: str, filler: int) -> Any:
        return torch.tensor([[*row[key], *[filler] * (width - len(row[key]))] for row in rows])

    mask = [[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows]
    return {
        "input_ids": filled("input_ids", pad),
        "labels": filled("labels", IGNORED),
        "attention_mask": torch.tensor(mask),
    }


def packed(rows: Sequence[Row]) -> dict[str, Any]:
    """A batch with all examples in one row; shape (1, tokens).

    Positions begin at 0 in each example. transformers makes a block-diagonal attention mask from them, so that no
    example sees another.
    """
    import torch

    def joined(lists: Sequence[Sequence[int]]) -> Any:
        return torch.tensor([[token for tokens in lists for token in tokens]])

    return {
        "input_ids": joined([row["input_ids"] for row in rows]),
        # The last token of an example must not predict the first token of the next example.
        "labels": joined([[IGNORED, *row["labels"][1:]] for row in rows]),
        "position_ids": joined([range(len(row["input_ids"])) for row in rows]),
    }
