"""Excerpts of real text: parts that share no document, no article and no sentence."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from tests.benchmarks import real_documents
from tests.benchmarks.real_documents import PARTS, Excerpts, dealt, fitting
from tests.benchmarks.table import ROOT
from x_instruction.language.settings import load_language

FINNISH = load_language("fi", ROOT / "languages")


def sentence(number: int) -> str:
    return f"Lause numero {number} on juuri niin pitkä, ettei sitä kukaan muu sano. "


def text(number: int) -> str:
    return sentence(3 * number) + sentence(3 * number + 1) + sentence(3 * number + 2)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(real_documents, "PARTS", {"measured": 4, "choosing": 2, "learned": 6})
    monkeypatch.setattr(real_documents, "OTHER_SITE", 3)
    yield


def documents(texts: dict[str, list[str]]) -> pl.DataFrame:
    rows = [(site, f"{site}/{number}", one) for site, own in texts.items() for number, one in enumerate(own)]
    return pl.DataFrame(rows, schema=["source", "path", "text"], orient="row")


LARGE, SMALL = [text(number) for number in range(40)], [text(number) for number in range(100, 110)]


def sentences(excerpts: list[str]) -> set[str]:
    return {one.strip() for excerpt in excerpts for one in excerpt.split(". ")}


def test_each_part_is_filled_and_no_sentence_is_in_two() -> None:
    parts = dealt(documents({"large": LARGE, "small": SMALL}), FINNISH).parts
    assert {name: len(own) for name, own in parts.items()} == {
        "measured": 4, "choosing": 2, "learned": 6, "other_site": 3,
    }  # fmt: skip
    assert len(set().union(*map(sentences, parts.values()))) == sum(len(sentences(own)) for own in parts.values())


def test_a_sentence_that_is_measured_is_not_learned_in_another_document() -> None:
    copies = [f"{one.rstrip()} Ja vielä tämä, vain tällä sivulla numero {number}." for number, one in enumerate(LARGE)]
    parts = dealt(documents({"large": [*LARGE, *copies], "small": SMALL}), FINNISH).parts
    taught = sentences(parts["learned"])
    assert taught
    assert not taught & sentences(parts["measured"])


def test_nothing_is_learned_from_the_second_largest_site() -> None:
    parts = dealt(documents({"large": LARGE, "small": SMALL, "least": [text(200)]}), FINNISH).parts
    assert set(parts["other_site"]) <= {one.strip() for one in SMALL}
    assert not {one.strip() for one in SMALL} & {*parts["measured"], *parts["learned"], *parts["choosing"]}


def test_the_paragraphs_of_an_article_have_one_part() -> None:
    rows = [
        ("large", f"articles.json#{article}/{part}", text(10 * article + part))
        for article in range(9)
        for part in range(2)
    ]
    parts = dealt(pl.DataFrame(rows, schema=["source", "path", "text"], orient="row"), FINNISH).parts
    for article in range(9):
        own = {text(10 * article + part).strip() for part in range(2)}
        assert sum(bool(own & set(excerpts)) for excerpts in parts.values()) <= 1


def test_the_same_documents_give_the_same_parts_in_any_order() -> None:
    frame = documents({"large": LARGE, "small": SMALL})
    assert dealt(frame, FINNISH).parts == dealt(frame.reverse(), FINNISH).parts


def test_of_a_long_paragraph_whole_sentences_are_taken_and_of_a_short_one_none() -> None:
    long = "".join(map(sentence, range(20)))
    excerpts = list(fitting(f"Otsikko\n{sentence(1)}\n{long}"))
    assert excerpts == [long[: len(excerpts[0])]]
    assert 150 <= len(excerpts[0]) <= 450
    assert excerpts[0].endswith("sano.")


def test_a_fresh_set_of_parts_is_empty() -> None:
    assert Excerpts().parts == {name: [] for name in [*PARTS, "other_site"]}


def test_what_ends_amid_a_sentence_is_no_part_of_a_true_text_where_sentences_have_ends() -> None:
    paragraph = f"{text(1)}Ja tämä jää"
    assert list(fitting(paragraph)) == [text(1).strip()]
    assert list(fitting(paragraph, stops=False)) == [paragraph]
    assert list(fitting(f"{sentence(1)}{sentence(2)[:-2]},")) == []


def test_a_text_in_another_language_is_no_true_one() -> None:
    english = [
        f"This sentence is long enough to be known. {number} others say it, and each of them is long too. " * 2
        for number in range(12)
    ]
    found = dealt(documents({"large": english, "small": SMALL}), FINNISH).parts
    assert found["measured"] == [] and len(found["other_site"]) == 3
