"""Responses are divided into parts between sentences."""

from __future__ import annotations

import polars as pl

from tests.conftest import ROOT
from x_instruction.embeddings.parts import parts_of
from x_instruction.embeddings.settings import Embeddings

SENTENCES = ["Leipä paistetaan kuumassa uunissa.", "Se jäähtyy liinan alla.", "Aamulla se syödään voin kanssa."]
FINNISH = " ".join(SENTENCES)
THAI = "ขนมปังอบในเตาจนหอม แล้วพักไว้ใต้ผ้าให้เย็นลง จากนั้นจึงกินกับเนย"


def parts(embeddings: Embeddings, *responses: str, language: str = "fi", **changed: int) -> list[str]:
    """The texts of all parts of the responses."""
    pairs = pl.DataFrame({"response": responses}).with_columns(language=pl.lit(language))
    found = parts_of(pairs, embeddings.model_copy(update=changed), ROOT / "languages")
    return found["text"].to_list()


def test_a_short_response_is_one_part(embeddings: Embeddings) -> None:
    assert parts(embeddings, FINNISH) == [FINNISH]


def test_a_long_response_is_divided_into_the_allowed_number_of_parts(embeddings: Embeddings) -> None:
    long = " ".join([FINNISH] * 6)
    assert parts(embeddings, long) == [" ".join([FINNISH] * 2)] * 3
    assert parts(embeddings, long, parts=2) == [" ".join([FINNISH] * 3)] * 2


def test_a_part_has_the_requested_length(embeddings: Embeddings) -> None:
    assert parts(embeddings, FINNISH, part_characters=20) == SENTENCES
    assert parts(embeddings, FINNISH, part_characters=40) == [SENTENCES[0], " ".join(SENTENCES[1:])]


def test_sentences_beyond_the_limit_are_not_read(embeddings: Embeddings) -> None:
    assert parts(embeddings, FINNISH, max_characters=40) == [" ".join(SENTENCES[:2])]
    assert parts(embeddings, "x" * 500, max_characters=100) == ["x" * 100]


def test_a_response_without_a_sentence_has_one_empty_part(embeddings: Embeddings) -> None:
    assert parts(embeddings, "", " \n", FINNISH)[:2] == ["", ""]


def test_spaces_separate_thai_sentences(embeddings: Embeddings) -> None:
    assert parts(embeddings, THAI, language="th", part_characters=20) == THAI.split(" ")


def test_rows_of_several_languages_keep_their_order(embeddings: Embeddings) -> None:
    pairs = pl.DataFrame({"language": ["fi", "th", "fi"], "response": [" ".join([FINNISH] * 3), THAI, "Loppu."]})
    found = parts_of(pairs, embeddings, ROOT / "languages")
    assert found.select("row", "part").rows() == [(0, 0), (0, 1), (1, 0), (2, 0)]
    assert found["text"].to_list()[-1] == "Loppu."
    assert found["length"].sum() == 3 * len("".join(SENTENCES)) + len("".join(THAI.split(" "))) + len("Loppu.")
