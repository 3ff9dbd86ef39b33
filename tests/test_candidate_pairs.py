"""Candidate pairs: what a model wrote is paired with its text, or dropped with the reason."""

from __future__ import annotations

import polars as pl
import pytest

from stages.candidate_pairs import COLUMNS, transform
from stages.files import digest
from stages.settings import Settings
from stages.shards import Split
from stages.text_generation import Generated

GOOD = "Explain how rye bread is baked at home."
TEXT = "Ruisleipä leivotaan hapanjuuresta, ja se paistetaan kuumassa uunissa. Explain how to do it."


def texts(count: int) -> pl.DataFrame:
    """A shard of filtered texts."""
    columns = ("id", "document_id", "language", "title", "text", "url", "source", "record", "license")
    row = dict(zip(columns, ("t", "d", "fi", "Leipä", TEXT, "https://a.example/", "web/fi", 3, ""), strict=True))
    return pl.DataFrame([{**row, "id": f"t{number}"} for number in range(max(count, 1))]).head(count)


def made(settings: Settings, *written: Generated | str) -> Split:
    given = [one if isinstance(one, Generated) else Generated(one, 9, "stop") for one in written]
    return transform(texts(len(given)), given, settings.candidate_pairs)


def test_a_pair_keeps_the_way_back_to_its_text(settings: Settings) -> None:
    row = made(settings, GOOD).kept.row(0, named=True)
    assert list(row) == COLUMNS
    assert (row["instruction"], row["response"], row["text_id"], row["document_id"]) == (GOOD, TEXT, "t0", "d")
    assert (row["url"], row["source"], row["record"], row["title"]) == ("https://a.example/", "web/fi", 3, "Leipä")
    assert row["id"] == digest("fi", GOOD, TEXT)[:16]


def test_each_text_gets_its_own_instruction(settings: Settings) -> None:
    kept = made(settings, GOOD, "", "Describe the oven in which the bread is baked.").kept
    assert kept.select("text_id", "instruction").rows() == [
        ("t0", GOOD),
        ("t2", "Describe the oven in which the bread is baked."),
    ]


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("", "no_instruction"),
        ("Explain it.", "instruction_too_short"),
        ("Explain how the bread " * 16, "instruction_too_long"),
        ("I'm sorry, but I cannot write an instruction for this.", "refusal_or_prompt"),
        ("As an AI language model I have never baked bread.", "refusal_or_prompt"),
        ("Write the answer now. ### Response: here it is", "refusal_or_prompt"),
        ("Kerro minulle, miten ruisleipää leivotaan kotona uunissa.", "instruction_not_english"),
        ("Explain how to do it.", "copies_response"),
    ],
)
def test_what_is_no_instruction_is_dropped_with_its_reason(settings: Settings, instruction: str, reason: str) -> None:
    split = made(settings, instruction)
    assert split.kept.is_empty()
    assert split.dropped["reason"].to_list() == [reason]


def test_an_instruction_cut_at_the_length_is_dropped(settings: Settings) -> None:
    assert made(settings, Generated(GOOD, 48, "length")).dropped["reason"].to_list() == ["instruction_unfinished"]


def test_a_drop_shows_what_was_written(settings: Settings) -> None:
    assert made(settings, "Explain it.").dropped["value"].to_list() == ["Explain it."]


def test_an_instruction_stands_on_one_line(settings: Settings) -> None:
    assert (
        made(settings, "Explain how rye\n bread  is baked.").kept["instruction"].item()
        == "Explain how rye bread is baked."
    )


def test_a_shard_without_texts_is_a_shard_without_pairs(settings: Settings) -> None:
    split = made(settings)
    assert (split.kept.height, split.kept.columns) == (0, COLUMNS)
