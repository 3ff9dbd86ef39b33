"""Boilerplate as a defect: phrases in two halves without a common stem, put after, before or amid a text."""

from __future__ import annotations

import random

import pytest

from stages.evaluator.boilerplate import STEM, WORD, groups, taught_and_measured, with_notices
from tests.conftest import ROOT
from x_instruction.language.names import load_names
from x_instruction.language.settings import load_language

PAGES = ROOT / "languages"
LANGUAGES = list(load_names(PAGES))
TEXT = ["Leipä paistetaan uunissa.", "Se jäähtyy liinan alla.", "Sitten se syödään.", "Muruset saa kissa."]
PHRASES = ["kirjaudu sisään", "luo tili", "jaa tämä", "tykkää sivusta", "seuraa meitä", "evästeet"]
SEEDS = range(40)


def stems(phrases: tuple[str, ...]) -> set[str]:
    return {word[:STEM] for phrase in phrases for word in WORD.findall(phrase) if len(word) >= STEM}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_stem_is_both_taught_and_measured(language: str) -> None:
    taught, measured = taught_and_measured(language, PAGES)
    assert not stems(taught) & stems(measured)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_is_on_one_side_and_both_sides_have_enough_for_a_notice(language: str) -> None:
    taught, measured = taught_and_measured(language, PAGES)
    assert not set(taught) & set(measured)
    assert {*taught, *measured} == {phrase.strip(" .,") for phrase in load_language(language, PAGES).boilerplate}
    assert min(len(taught), len(measured)) >= 10


def test_phrases_are_together_by_way_of_others() -> None:
    found = groups(["evästeet", "luo tili", "evästeasetus ja käyttöehto", "käyttöehdot"])
    assert sorted(map(sorted, found)) == [["evästeasetus ja käyttöehto", "evästeet", "käyttöehdot"], ["luo tili"]]


def made(sentences: list[str], phrases: list[str] = PHRASES) -> list[str]:
    texts = [with_notices(sentences, phrases, random.Random(seed)) for seed in SEEDS]
    return [text for text in texts if text is not None]


def test_some_sentences_and_three_to_six_phrases_are_said() -> None:
    for text in made(TEXT):
        assert any(sentence in text for sentence in TEXT)
        assert 3 <= sum(phrase in text.lower() for phrase in PHRASES) <= 6


def test_the_sentences_left_are_in_their_order() -> None:
    for text in made(TEXT):
        places = [text.index(sentence) for sentence in TEXT if sentence in text]
        assert places == sorted(places)


def test_notices_come_after_before_and_amid_the_text() -> None:
    first, last = {text.startswith(TEXT[0]) for text in made(TEXT)}, {text.endswith(TEXT[-1]) for text in made(TEXT)}
    assert first == last == {True, False}
    assert any(text.startswith(TEXT[0]) and text.endswith(TEXT[-1]) for text in made(TEXT))


def test_they_are_sentences_lines_or_a_row() -> None:
    looks = ["row" if " | " in text else "lines" if "\n" in text else "sentences" for text in made(TEXT)]
    assert set(looks) == {"row", "lines", "sentences"}


def test_the_length_is_about_kept() -> None:
    long = [f"{sentence[:-1]} {number}." for number in range(3) for sentence in TEXT]
    for text in made(long):
        assert 0.7 < len(text) / len(" ".join(long)) < 1.3


def test_a_lone_sentence_stays() -> None:
    assert all(TEXT[0] in text for text in made(TEXT[:1]))


def test_sentences_end_as_those_of_the_text_do() -> None:
    hindi = [text for text in made(["रोटी बनती है।"], ["लॉग इन"] * 3) if " | " not in text and "\n" not in text]
    assert hindi
    assert all("लॉग इन।" in text for text in hindi)
    thai = [text for text in made(["ข้าว", "ปลา"], ["เข้าสู่ระบบ"] * 3) if " | " not in text and "\n" not in text]
    assert thai
    assert not any("." in text for text in thai)


def test_without_phrases_there_is_none() -> None:
    assert with_notices(TEXT, [], random.Random(1)) is None
