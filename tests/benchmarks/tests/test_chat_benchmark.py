"""The benchmark of chats counts equal answers and tokens, and publishes its model as a tuned model is published."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.benchmarks.chat import REFERENCE, Asked, Chat, by_transformers, equal_tokens, make_usable, rows
from tests.benchmarks.table import Row

CHATS = (Chat("one", {"language": "Finnish"}), Chat("two"))


def test_equal_and_unequal_answers_are_counted_apart() -> None:
    ways = {
        REFERENCE: [Asked([1, 2], [7, 8, 9]), Asked([3], [7, 7])],
        "another way": [Asked([1, 2], [7, 8, 9]), Asked([4], [7, 8, 9])],
    }
    assert [(row.case, row.ours, row.peer) for row in rows([[1, 2], []], ways)] == [
        (f"same prompts, {REFERENCE}", 1.0, 1.0),
        ("same prompts, another way", 1.0, 1.0),
        ("same answers, another way", 1.0, 2.0),
        ("same tokens, another way", 4.0, 5.0),
    ]


def test_another_prompt_than_that_of_the_training_is_seen() -> None:
    first: Row = rows([[1, 2]], {REFERENCE: [Asked([1], [7])]})[0]
    assert (first.case, first.ours, first.peer) == (f"same prompts, {REFERENCE}", 0.0, 1.0)


def test_tokens_are_compared_place_by_place() -> None:
    assert (equal_tokens([1, 2, 3], [1, 9, 3, 4]), equal_tokens([], [1])) == (2, 0)


def test_both_ways_of_transformers_read_the_published_template(taught_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(taught_model, tmp_path / "model"))
    expected = make_usable(folder, CHATS)
    assert expected[0] and not expected[1]
    ways = by_transformers(folder, CHATS)
    assert {(row.ours, row.peer) for row in rows(expected, ways) if row.unit == "prompts"} == {(1.0, 1.0)}
    assert ways[REFERENCE] == ways["transformers pipeline"] and all(one.answer for one in ways[REFERENCE])
