"""Examples are cut at `max_tokens`, every epoch takes each row once, and the seed decides the order."""

from __future__ import annotations

from collections import Counter

import pytest

from x_instruction.models.batches import IGNORED, Order, batch_order, packed, padded, rows_of
from x_instruction.models.examples import Example

LENGTHS = [3, 9, 4, 8, 5, 7, 6, 30, 1, 2, 11]


def test_only_the_completion_is_learned() -> None:
    (row,) = rows_of([Example([7, 8, 9], [1, 2])], max_tokens=10)
    assert row == {"input_ids": [7, 8, 9, 1, 2], "labels": [IGNORED, IGNORED, IGNORED, 1, 2]}


def test_an_example_is_cut_at_the_window() -> None:
    (row,) = rows_of([Example([7, 8, 9], [1, 2, 3])], max_tokens=4)
    assert row == {"input_ids": [7, 8, 9, 1], "labels": [IGNORED, IGNORED, IGNORED, 1]}


def test_a_prompt_that_fills_the_window_is_left_out() -> None:
    assert rows_of([Example([7, 8, 9], [1])], max_tokens=3) == []


@pytest.mark.parametrize("order", ["by_length", "at_random", "in_order"])
def test_every_epoch_takes_each_row_once(order: Order) -> None:
    batches = batch_order(LENGTHS, 2, 3, 1, order)
    assert len(batches) == 18 and max(map(len, batches)) == 2
    for epoch in range(3):
        taken = Counter(row for batch in batches[epoch * 6 : epoch * 6 + 6] for row in batch)
        assert taken == dict.fromkeys(range(11), 1)


def test_half_an_epoch_takes_half_of_the_batches() -> None:
    assert len(batch_order(LENGTHS, 2, 1.5, 1, "at_random")) == 9


@pytest.mark.parametrize("order", ["by_length", "at_random"])
def test_the_order_depends_on_the_seed(order: Order) -> None:
    assert batch_order(LENGTHS, 2, 2, 1, order) == batch_order(LENGTHS, 2, 2, 1, order)
    assert batch_order(LENGTHS, 2, 2, 1, order) != batch_order(LENGTHS, 2, 2, 2, order)


def test_epochs_have_different_orders() -> None:
    batches = batch_order(LENGTHS, 2, 2, 1, "by_length")
    assert batches[:6] != batches[6:]


def test_rows_of_similar_length_share_a_batch() -> None:
    lengths = [row % 97 for row in range(400)]
    spread = {}
    for order in ("by_length", "at_random"):
        batches = batch_order(lengths, 4, 1, 1, order)  # type: ignore[arg-type]
        spread[order] = sum(
            max(lengths[row] for row in batch) - min(lengths[row] for row in batch) for batch in batches
        )
    assert spread["by_length"] < spread["at_random"] / 5


def test_rows_are_padded_on_the_right() -> None:
    rows = [{"input_ids": [5, 6, 7], "labels": [IGNORED, 6, 7]}, {"input_ids": [8], "labels": [8]}]
    batch = {name: tensor.tolist() for name, tensor in padded(rows, 1).items()}
    assert batch == {
        "input_ids": [[5, 6, 7], [8, 1, 1]],
        "labels": [[IGNORED, 6, 7], [8, IGNORED, IGNORED]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
    }


def test_packed_examples_have_separate_positions() -> None:
    rows = [{"input_ids": [5, 6, 7], "labels": [5, 6, 7]}, {"input_ids": [8, 9], "labels": [8, 9]}]
    batch = {name: tensor.tolist() for name, tensor in packed(rows).items()}
    assert batch == {
        "input_ids": [[5, 6, 7, 8, 9]],
        "labels": [[IGNORED, 6, 7, IGNORED, 9]],
        "position_ids": [[0, 1, 2, 0, 1]],
    }
