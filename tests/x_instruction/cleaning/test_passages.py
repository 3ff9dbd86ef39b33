"""Only the lines that may hold private data are searched, with the line before them."""

from __future__ import annotations

import polars as pl
import pytest

from tests.stages.filtered_text.texts import page
from x_instruction.cleaning.private_data.mask import masked
from x_instruction.cleaning.private_data.passages import Passages

DIGITS, SIGN = r"\d{3}", "@"


def passages(*texts: str | None) -> Passages:
    return Passages(pl.Series("text", texts, dtype=pl.String), [DIGITS, SIGN])


def test_a_passage_is_the_lines_that_match_and_the_line_before_them() -> None:
    found = passages("eka\ntoka\n123\na@b\nviides", "ei mitään", "456\nloppu", None)
    assert found.texts.to_list() == ["toka\n123\na@b", "456"]


def test_changed_passages_come_back_in_their_places() -> None:
    found = passages("eka\n123\nkolmas", "ei mitään", None, "456")
    joined = found.joined(found.texts.str.replace_all(r"\d+", "[n]"))
    assert joined.to_list() == ["eka\n[n]\nkolmas", "ei mitään", None, "[n]"]
    assert joined.name == "text"


def test_counts_are_summed_for_each_text() -> None:
    found = passages("123\neka\ntoka\n456", None, "ei mitään", "789")
    assert found.summed(pl.Series([2, 1, 5])).to_list() == [3, 0, 0, 5]


@pytest.mark.parametrize("texts", [[], [None], ["ei mitään", ""]])
def test_texts_without_a_passage_are_unchanged(texts: list[str | None]) -> None:
    found = passages(*texts)
    assert found.texts.to_list() == []
    assert found.joined(found.texts).to_list() == texts
    assert found.summed(pl.Series([], dtype=pl.Int64)).to_list() == [0] * len(texts)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("tr", "Tel:\n532 123 45 67\nteşekkürler", "Tel:\n[phone]\nteşekkürler"),
        ("hi", "पता\nफोन:\n9876543210", "पता\nफोन:\n[phone]"),
        ("id", "HP:\n62-812-3456-7890\n0813 4567 8901", "HP:\n[phone]\n[phone]"),
        ("id", "ISBN\n0306406152", "ISBN\n0306406152"),
    ],
)
def test_a_word_at_the_end_of_a_line_announces_a_number_on_the_next(language: str, text: str, expected: str) -> None:
    assert masked(pl.Series([f"Alku.\n\n{text}"]), page(language).countries)[0].item() == f"Alku.\n\n{expected}"
