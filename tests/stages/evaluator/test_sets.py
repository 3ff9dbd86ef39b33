"""The sets of rated pairs for training, calibration and measurement have the right pairs and defects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from stages.evaluator.boilerplate import split_phrases
from stages.evaluator.rating_set import RatedPair, calibration_set, held_out_set, training_set
from stages.evaluator.settings import Defects
from stages.params import load_settings
from tests.conftest import ROOT
from tests.stages.evaluator.examples import OPEN, PAGES, PAIRS, pair
from x_instruction.pairs.training_pairs import Pair
from x_instruction.runner.files import digest

PASS = 3 * len(PAIRS)  # a pass has each pair once at each of the three levels
# Every pair of PAIRS can have these defects.
FLAWS = ("cut", "repeated", "partly_foreign", "strays", "boilerplate")
WEIGHTS = {**dict.fromkeys((*FLAWS, "model_answer", "swapped", "wrong_language"), 1.0), "drift": 0.0}
SETTINGS = load_settings(ROOT / "params.yaml").evaluator
ANSWERS = {pair.id: f"answer to {pair.id}" for pair in PAIRS}


def made(
    size: int,
    seed: int = 1,
    pairs: list[Pair] = PAIRS,
    answers: dict[str, str] = ANSWERS,
    weights: dict[str, float] = WEIGHTS,
    **changed: object,
) -> list[RatedPair]:
    """A training set with about `size` rated pairs."""
    update = {"rated_pairs": size, "defects": Defects.model_construct(None, **weights), **changed}
    return training_set(pairs, answers, SETTINGS.model_copy(update=update), seed, PAGES)


def defects(rated: list[RatedPair]) -> set[str]:
    return {item.defect for item in rated}


@pytest.fixture
def rated() -> list[RatedPair]:
    return made(size=3 * PASS)


def test_every_pair_is_in_each_pass_once_per_level(rated: list[RatedPair]) -> None:
    counts = Counter((item.pair.id, item.level) for item in rated)
    assert set(counts.values()) == {3}
    assert len(counts) == 3 * len(PAIRS)


def test_each_defect_has_its_level(rated: list[RatedPair]) -> None:
    assert {(item.level, item.defect) for item in rated} == {
        ("best", "none"),
        *(("flawed", defect) for defect in (*FLAWS, "model_answer")),
        *(("worst", defect) for defect in ("swapped", "wrong_language")),
    }


def test_only_the_best_pairs_have_the_good_response(rated: list[RatedPair]) -> None:
    assert all((item.response == item.pair.response) == (item.level == "best") for item in rated)


def test_a_model_answer_belongs_to_its_pair(rated: list[RatedPair]) -> None:
    assert all(item.response == ANSWERS[item.pair.id] for item in rated if item.defect == "model_answer")


def test_each_pass_draws_different_runs_of_sentences(rated: list[RatedPair]) -> None:
    assert len({item.response for item in rated if item.pair.id == "fi0" and item.level == "best"}) > 1


def test_each_pass_draws_different_defects(rated: list[RatedPair]) -> None:
    assert len({item.response for item in rated if item.pair.id == "fi0" and item.level == "worst"}) > 1


def test_the_same_seed_gives_the_same_set(rated: list[RatedPair]) -> None:
    assert made(size=3 * PASS, seed=1) == rated
    assert made(size=3 * PASS, seed=2) != rated


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1 / 3 / 3), (1.0, 1.0)])
def test_whole_share_sets_the_share_of_whole_responses(share: float, expected: float) -> None:
    good = {pair.id: pair.response for pair in PAIRS}
    best = [item for item in made(size=60 * PASS, whole_share=share) if item.level == "best"]
    # With a `whole_share` of 0, a response is a random run of the seed's three sentences. It starts at the first
    # sentence with probability 1/3, and then ends at the last sentence with probability 1/3.
    whole = sum(item.response == good[item.pair.id] for item in best)
    assert whole / len(best) == pytest.approx(expected, abs=0.03)


def test_a_model_answer_equal_to_the_good_response_is_not_rated_as_flawed() -> None:
    answers = {pair.id: pair.response for pair in PAIRS}
    assert "model_answer" not in defects(made(size=5 * PASS, answers=answers))


def test_the_set_has_about_as_many_pairs_as_the_setting_says() -> None:
    assert len(made(size=2 * PASS + 5)) == 2 * PASS


def test_the_set_has_at_least_one_pass() -> None:
    assert len(made(size=1)) == PASS


def test_without_pairs_the_set_is_empty() -> None:
    assert made(size=10, pairs=[], answers={}) == []


def test_a_defect_of_weight_0_is_not_made() -> None:
    rated = made(size=5 * PASS, weights={**WEIGHTS, "model_answer": 0.0, "swapped": 0.0})
    assert defects(rated) == {"none", *FLAWS, "wrong_language"}


def test_defects_are_as_frequent_as_their_weights() -> None:
    rated = made(size=100 * PASS, weights={**WEIGHTS, "swapped": 0.25})
    counts = Counter(item.defect for item in rated if item.level == "worst")
    assert counts["swapped"] / counts["wrong_language"] == pytest.approx(0.25, abs=0.05)


def test_pairs_with_an_open_instruction_get_other_defects() -> None:
    pairs = [replace(pair, instruction=OPEN) for pair in PAIRS]
    rated = made(size=9 * PASS, pairs=pairs, answers={}, open_instructions=[OPEN])
    assert defects(rated) == {"none", "cut", "repeated", "partly_foreign", "boilerplate", "wrong_language"}


def test_drift_is_the_base_models_answer_and_has_the_worst_level() -> None:
    drifts = {pair.id: f"drift of {pair.id}" for pair in PAIRS}
    settings = SETTINGS.model_copy(update={"rated_pairs": 9 * PASS, "defects": Defects(**{**WEIGHTS, "drift": 1.0})})
    rated = [item for item in training_set(PAIRS, ANSWERS, settings, 1, PAGES, drifts) if item.defect == "drift"]
    assert len(rated) > PASS
    assert all((item.level, item.response) == ("worst", drifts[item.pair.id]) for item in rated)


def content(rated: list[RatedPair]) -> str:
    return digest(*(part for item in rated for part in (item.pair.id, item.response, item.level, item.defect)))[:16]


def test_the_training_set_without_boilerplate_is_the_same_in_all_versions() -> None:
    assert content(made(size=3 * PASS, weights={**WEIGHTS, "boilerplate": 0.0})) == "2f496d1f1498cf01"


def test_the_held_out_set_is_the_same_in_all_versions() -> None:
    held_out = [item for item in held_out_set(PAIRS, 1, PAGES) if item.defect != "boilerplate"]
    assert content(held_out) == "e16075344ce8287f"


def test_the_held_out_set_is_the_same_in_every_iteration() -> None:
    assert held_out_set(PAIRS, 1, PAGES) == held_out_set(PAIRS, 1, PAGES)


def test_the_held_out_responses_are_whole() -> None:
    best = [item.response for item in held_out_set(PAIRS, 1, PAGES) if item.level == "best"]
    assert best == [pair.response for pair in PAIRS]


def test_the_held_out_set_has_every_pair_with_every_defect_except_model_answers() -> None:
    counts = Counter(item.defect for item in held_out_set(PAIRS, 1, PAGES))
    assert counts == dict.fromkeys(("none", *FLAWS, "swapped", "wrong_language"), len(PAIRS))


def test_a_defect_that_no_held_out_pair_can_have_is_left_out() -> None:
    assert defects(held_out_set(PAIRS[:1], 1, PAGES)) == {"none", "cut", "repeated", "boilerplate"}


def test_a_partly_foreign_response_begins_as_the_good_one_and_changes_language() -> None:
    foreign = [item for item in held_out_set(PAIRS, 1, PAGES) if item.defect == "partly_foreign"]
    assert foreign
    for item in foreign:
        beginning, _, _ = item.pair.response.partition(" ")
        others = [other.response[-8:] for other in PAIRS if other.language != item.pair.language]
        assert item.response.startswith(beginning)
        assert item.response[-8:] in others


@pytest.mark.parametrize("make", [held_out_set, calibration_set])
def test_a_response_to_an_open_instruction_is_neither_swapped_nor_straying(make: Callable[..., Any]) -> None:
    pool = [pair("fi", 1, OPEN), pair("fi", 2, OPEN), pair("fi", 3), pair("fi", 4)]
    answering = [item.pair.id for item in make(pool, 1, PAGES, [OPEN]) if item.defect in ("swapped", "strays")]
    assert answering == ["fi3", "fi3", "fi4", "fi4"]


@pytest.mark.parametrize("half", [0, 1], ids=["training", "held_out"])
def test_boilerplate_is_trained_and_measured_with_different_phrases(rated: list[RatedPair], half: int) -> None:
    for item in (rated, held_out_set(PAIRS, 1, PAGES))[half]:
        if item.defect == "boilerplate":
            phrases = split_phrases(item.pair.language, PAGES)
            assert any(phrase in item.response.lower() for phrase in phrases[half])
            assert not any(phrase in item.response.lower() for phrase in phrases[1 - half])


def test_the_calibration_set_differs_from_the_held_out_set_only_in_its_boilerplate_phrases() -> None:
    to_fit, held_out = (
        {(item.pair.id, item.defect): item.response for item in make(PAIRS, 1, PAGES)}
        for make in (calibration_set, held_out_set)
    )
    assert {key for key in to_fit if to_fit[key] != held_out[key]} == {(pair.id, "boilerplate") for pair in PAIRS}
    for (identifier, defect), response in to_fit.items():
        if defect == "boilerplate":
            training, measured = split_phrases(identifier[:2], PAGES)
            assert any(phrase in response.lower() for phrase in training)
            assert not any(phrase in response.lower() for phrase in measured)
