"""Responses are divided into parts between sentences."""

from __future__ import annotations

import polars as pl

from tests.conftest import ROOT
from x_instruction.embeddings.parts import sentences_in_parts
from x_instruction.embeddings.settings import Embeddings

FINNISH = "Leipä paistetaan kuumassa uunissa. Se jäähtyy liinan alla. Aamulla se syödään voin kanssa."
THAI = "ขนมปังอบในเตาจนหอม แล้วพักไว้ใต้ผ้าให้เย็นลง จากนั้นจึงกินกับเนย"


def parts(embeddings: Embeddings, *responses: str, language: str = "fi", **changed: int) -> list[list[str]]:
    """Divides the responses into parts, and returns every part as a list of its sentences."""
    pairs = pl.DataFrame({"response": responses}).with_columns(language=pl.lit(language))
    found = sentences_in_parts(pairs, embeddings.model_copy(update=changed), ROOT / "languages")
    return found.group_by("row", "part", maintain_order=True).agg("sentence")["sentence"].to_list()


def test_a_short_response_is_one_part(embeddings: Embeddings) -> None:
    assert [len(part) for part in parts(embeddings, FINNISH)] == [3]


def test_a_long_response_is_divided_into_the_allowed_number_of_parts(embeddings: Embeddings) -> None:
    long = " ".join([FINNISH] * 6)
    assert [len(part) for part in parts(embeddings, long)] == [6, 6, 6]
    assert [len(part) for part in parts(embeddings, long, parts=2)] == [9, 9]


def test_a_part_has_the_requested_length(embeddings: Embeddings) -> None:
    assert [len(part) for part in parts(embeddings, FINNISH, part_characters=20)] == [1, 1, 1]
    assert [len(part) for part in parts(embeddings, FINNISH, part_characters=40)] == [1, 2]


def test_sentences_beyond_the_limit_are_not_read(embeddings: Embeddings) -> None:
    assert parts(embeddings, FINNISH, max_characters=40) == [
        ["Leipä paistetaan kuumassa uunissa.", "Se jäähtyy liinan alla."]
    ]
    assert parts(embeddings, "x" * 500, max_characters=100) == [["x" * 100]]


def test_a_response_without_a_sentence_has_one_empty_part(embeddings: Embeddings) -> None:
    assert parts(embeddings, "", " \n", FINNISH)[:2] == [[""], [""]]


def test_spaces_separate_thai_sentences(embeddings: Embeddings) -> None:
    assert parts(embeddings, THAI, language="th") == [THAI.split(" ")]


def test_rows_of_several_languages_keep_their_order(embeddings: Embeddings) -> None:
    pairs = pl.DataFrame({"language": ["fi", "th", "fi"], "response": [FINNISH, THAI, "Loppu."]})
    found = sentences_in_parts(pairs, embeddings, ROOT / "languages")
    assert found["row"].to_list() == [0, 0, 0, 1, 1, 1, 2]
    assert found["sentence"].to_list()[-1] == "Loppu."
