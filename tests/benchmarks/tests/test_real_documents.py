"""The parts of the excerpts share no document, no article and no long sentence."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from tests.benchmarks import real_documents
from tests.benchmarks.real_documents import PARTS, Excerpts, divided, fitting
from tests.benchmarks.table import ROOT
from x_instruction.language.settings import load_language

FINNISH = load_language("fi", ROOT / "languages")
COLUMNS = ["source", "path", "text"]


def sentence(number: int) -> str:
    return f"Lause numero {number} on juuri niin pitkä, ettei sitä kukaan muu sano. "


def text(number: int) -> str:
    return sentence(3 * number) + sentence(3 * number + 1) + sentence(3 * number + 2)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(real_documents, "PARTS", {"measured": 4, "choosing": 2, "learned": 6})
    monkeypatch.setattr(real_documents, "OTHER_SITE", 3)
    yield


def documents(texts: dict[str, list[str]]) -> pl.DataFrame:
    """A frame of documents from the given texts of each site."""
    rows = [(site, f"{site}/{number}", text) for site, of_site in texts.items() for number, text in enumerate(of_site)]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


LARGE, SMALL = [text(number) for number in range(40)], [text(number) for number in range(100, 110)]


def sentences(excerpts: list[str]) -> set[str]:
    return {sentence.strip() for excerpt in excerpts for sentence in excerpt.split(". ")}


def test_each_part_is_filled_and_no_sentence_is_in_two_parts() -> None:
    parts = divided(documents({"large": LARGE, "small": SMALL}), FINNISH).parts
    assert {name: len(excerpts) for name, excerpts in parts.items()} == {
        "measured": 4, "choosing": 2, "learned": 6, "other_site": 3,
    }  # fmt: skip
    assert len(set().union(*map(sentences, parts.values()))) == sum(map(len, map(sentences, parts.values())))


def test_a_measured_sentence_is_not_learned_from_another_document() -> None:
    copies = [f"{text.rstrip()} Ja vielä tämä, vain tällä sivulla numero {n}." for n, text in enumerate(LARGE)]
    parts = divided(documents({"large": [*LARGE, *copies], "small": SMALL}), FINNISH).parts
    learned = sentences(parts["learned"])
    assert learned
    assert not learned & sentences(parts["measured"])


def test_documents_are_cleaned_before_excerpts_are_taken() -> None:
    fields = [f'"{text(number)}Tämä on ""hyvä"" lause {number}."' for number in range(60)]
    parts = divided(documents({"large": fields, "small": SMALL}), FINNISH).parts
    assert parts["learned"] and not any(excerpt.startswith('"') for excerpt in parts["learned"])


def test_nothing_is_learned_from_the_second_largest_site() -> None:
    parts = divided(documents({"large": LARGE, "small": SMALL, "smallest": [text(200)]}), FINNISH).parts
    of_site = {text.strip() for text in SMALL}
    assert set(parts["other_site"]) <= of_site
    assert not of_site & {*parts["measured"], *parts["learned"], *parts["choosing"]}


def test_the_paragraphs_of_an_article_are_in_one_part() -> None:
    rows = [
        ("large", f"articles.json#{article}/{part}", text(10 * article + part))
        for article in range(9)
        for part in range(2)
    ]
    parts = divided(pl.DataFrame(rows, schema=COLUMNS, orient="row"), FINNISH).parts
    for article in range(9):
        paragraphs = {text(10 * article + part).strip() for part in range(2)}
        assert sum(bool(paragraphs & set(excerpts)) for excerpts in parts.values()) <= 1


def test_the_order_of_the_documents_makes_no_difference() -> None:
    frame = documents({"large": LARGE, "small": SMALL})
    assert divided(frame, FINNISH).parts == divided(frame.reverse(), FINNISH).parts


def test_whole_sentences_are_taken_from_long_paragraphs_only() -> None:
    long = "".join(map(sentence, range(20)))
    excerpts = list(fitting(f"Otsikko\n{sentence(1)}\n{long}"))
    assert excerpts == [long[: len(excerpts[0])]]
    assert 150 <= len(excerpts[0]) <= 450
    assert excerpts[0].endswith("sano.")


def test_new_excerpts_have_empty_parts() -> None:
    assert Excerpts().parts == {name: [] for name in [*PARTS, "other_site"]}


def test_an_unfinished_sentence_is_left_out_in_languages_that_mark_sentence_ends() -> None:
    paragraph = f"{text(1)}Ja tämä jää"
    assert list(fitting(paragraph)) == [text(1).strip()]
    assert list(fitting(paragraph, marks_ends=False)) == [paragraph]
    assert list(fitting(f"{sentence(1)}{sentence(2)[:-2]},")) == []


def test_a_text_in_another_language_is_left_out() -> None:
    english = [
        f"This sentence is long enough to be known. {number} others say it, and each of them is long too. " * 2
        for number in range(12)
    ]
    found = divided(documents({"large": english, "small": SMALL}), FINNISH).parts
    assert found["measured"] == [] and len(found["other_site"]) == 3
