"""Each defect changes a response as its name says."""

from __future__ import annotations

import random

import pytest

from stages.evaluator.defects import (
    continued_with,
    cut_off,
    run_of_sentences,
    swapped,
    with_repetition,
    wrong_language,
)
from tests.stages.evaluator.examples import OPEN, PAIRS, SENTENCES, pair, sentences

SEEDS = pytest.mark.parametrize("seed", range(20))
EACH_LANGUAGE = pytest.mark.parametrize("language", SENTENCES)


@SEEDS
@EACH_LANGUAGE
def test_a_cut_response_is_a_beginning_without_a_sentence_end(language: str, seed: int) -> None:
    response = pair(language, 0).response
    cut = cut_off(response, random.Random(seed))
    assert response.startswith(cut)
    assert 0.2 * len(response) < len(cut) <= 0.8 * len(response)
    assert cut[-1] not in ".!?…।۔؟ "


@SEEDS
@EACH_LANGUAGE
def test_a_repeated_response_repeats_one_sentence_in_place_of_the_rest(language: str, seed: int) -> None:
    response = with_repetition(pair(language, 0).response, random.Random(seed))
    counts = [response.count(sentence) for sentence in sentences(language, 0)]
    repeated = next(number for number, count in enumerate(counts) if count > 1)
    assert counts[:repeated] == [1] * repeated
    assert counts[repeated + 1 :] == [0] * (len(counts) - repeated - 1)


@SEEDS
@EACH_LANGUAGE
def test_a_repeated_response_is_about_as_long_as_the_good_response(language: str, seed: int) -> None:
    response = pair(language, 0).response
    assert 0.6 < len(with_repetition(response, random.Random(seed))) / len(response) < 1.4


def test_the_only_sentence_of_a_response_is_written_twice() -> None:
    assert with_repetition("Vain yksi lause.", random.Random(1)) == "Vain yksi lause. Vain yksi lause."


@SEEDS
@EACH_LANGUAGE
def test_a_run_is_consecutive_whole_sentences(language: str, seed: int) -> None:
    whole = sentences(language, 0)
    runs = [" ".join(whole[start:end]) for start in range(3) for end in range(start + 1, 4)]
    assert run_of_sentences(" ".join(whole), random.Random(seed)) in runs


@SEEDS
def test_a_swapped_response_answers_another_instruction_in_the_same_language(seed: int) -> None:
    assert swapped(PAIRS[0], PAIRS, random.Random(seed)) in [other.response for other in PAIRS[1:4]]


def test_a_response_to_the_same_instruction_is_not_swapped() -> None:
    same = [pair("fi", 1, "Same."), pair("fi", 2, "Same.")]
    assert swapped(same[0], same, random.Random(1)) is None


def test_no_response_to_an_open_instruction_is_swapped() -> None:
    pool = [pair("fi", 1, OPEN), pair("fi", 2, OPEN), pair("fi", 3), pair("fi", 4)]
    assert swapped(pool[0], pool, random.Random(1), [OPEN]) is None
    assert {swapped(pool[2], pool, random.Random(seed), [OPEN]) for seed in range(9)} == {pool[3].response}


@SEEDS
def test_a_wrong_language_response_answers_the_same_instruction_if_possible(seed: int) -> None:
    assert wrong_language(PAIRS[0], PAIRS, random.Random(seed)) in [PAIRS[4].response, PAIRS[8].response]


def test_a_wrong_language_response_answers_any_instruction_otherwise() -> None:
    lone = pair("fi", 9)
    assert wrong_language(lone, [*PAIRS, lone], random.Random(1)) in [other.response for other in PAIRS[4:]]


def test_with_a_single_language_no_response_is_in_another() -> None:
    assert wrong_language(PAIRS[0], PAIRS[:4], random.Random(1)) is None


def test_a_straying_response_continues_with_the_response_to_another_instruction() -> None:
    text = continued_with("Yksi. Kaksi. Kolme.", "Neljä. Viisi. Kuusi.", random.Random(1))
    assert text in ("Yksi. Viisi. Kuusi.", "Yksi. Kaksi. Kuusi.")


def test_a_straying_response_keeps_its_only_sentence_before_the_other_response() -> None:
    assert continued_with("Yksi.", "Neljä. Viisi.", random.Random(1)) == "Yksi. Viisi."


def test_without_another_response_nothing_strays() -> None:
    assert continued_with("Yksi.", None, random.Random(1)) is None
