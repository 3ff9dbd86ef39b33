"""The boilerplate phrases are split into two halves without common stems, and a text gets phrases of one half only."""

from __future__ import annotations

import random

import pytest

from stages.evaluator.boilerplate import STEM, WORD, groups_by_stem, split_phrases, with_notices
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
def test_no_stem_is_in_both_halves(language: str) -> None:
    training, held_out = split_phrases(language, PAGES)
    assert not stems(training) & stems(held_out)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_is_in_one_half_and_each_half_is_enough_for_a_notice(language: str) -> None:
    training, held_out = split_phrases(language, PAGES)
    assert not set(training) & set(held_out)
    assert {*training, *held_out} == {phrase.strip(" .,") for phrase in load_language(language, PAGES).boilerplate}
    assert min(len(training), len(held_out)) >= 10


def test_phrases_that_share_stems_with_the_same_phrase_are_in_one_group() -> None:
    found = groups_by_stem(["evästeet", "luo tili", "evästeasetus ja käyttöehto", "käyttöehdot"])
    assert sorted(map(sorted, found)) == [["evästeasetus ja käyttöehto", "evästeet", "käyttöehdot"], ["luo tili"]]


def made(sentences: list[str], phrases: list[str] = PHRASES) -> list[str]:
    texts = [with_notices(sentences, phrases, random.Random(seed)) for seed in SEEDS]
    return [text for text in texts if text is not None]


def test_a_defective_text_has_sentences_and_three_to_six_phrases() -> None:
    for text in made(TEXT):
        assert any(sentence in text for sentence in TEXT)
        assert 3 <= sum(phrase in text.lower() for phrase in PHRASES) <= 6


def test_the_remaining_sentences_keep_their_order() -> None:
    for text in made(TEXT):
        places = [text.index(sentence) for sentence in TEXT if sentence in text]
        assert places == sorted(places)


def test_notices_come_after_before_or_within_the_text() -> None:
    first, last = {text.startswith(TEXT[0]) for text in made(TEXT)}, {text.endswith(TEXT[-1]) for text in made(TEXT)}
    assert first == last == {True, False}
    assert any(text.startswith(TEXT[0]) and text.endswith(TEXT[-1]) for text in made(TEXT))


def test_notices_are_sentences_lines_or_a_row() -> None:
    layouts = ["row" if " | " in text else "lines" if "\n" in text else "sentences" for text in made(TEXT)]
    assert set(layouts) == {"row", "lines", "sentences"}


def test_the_length_hardly_changes() -> None:
    long = [f"{sentence[:-1]} {number}." for number in range(3) for sentence in TEXT]
    for text in made(long):
        assert 0.7 < len(text) / len(" ".join(long)) < 1.3


def test_the_only_sentence_of_a_text_is_kept() -> None:
    assert all(TEXT[0] in text for text in made(TEXT[:1]))


def test_notices_end_like_the_sentences_of_the_text() -> None:
    hindi = [text for text in made(["रोटी बनती है।"], ["लॉग इन"] * 3) if " | " not in text and "\n" not in text]
    assert hindi
    assert all("लॉग इन।" in text for text in hindi)
    thai = [text for text in made(["ข้าว", "ปลา"], ["เข้าสู่ระบบ"] * 3) if " | " not in text and "\n" not in text]
    assert thai
    assert not any("." in text for text in thai)


def test_without_phrases_there_is_no_notice() -> None:
    assert with_notices(TEXT, [], random.Random(1)) is None
