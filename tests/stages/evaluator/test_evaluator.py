"""The rating set: each defect is what its name says. The measures: as counted by hand."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from stages.evaluator.boilerplate import taught_and_measured
from stages.evaluator.defects import (
    cut_off,
    going_on_with,
    run_of_sentences,
    swapped,
    with_repetition,
    wrong_language,
)
from stages.evaluator.measures import area_under_curve, labels_alone, scores
from stages.evaluator.rating_set import RatedPair, calibration_set, held_out_set, training_set
from stages.evaluator.settings import Defects
from stages.params import load_settings
from tests.conftest import ROOT
from x_instruction.pairs.training_pairs import Pair
from x_instruction.runner.files import digest

SENTENCES = {
    "fi": ["Leipä paistetaan uunissa.", "Se jäähtyy liinan alla!", "Sitten se syödään."],
    "hi": ["रोटी बनती है।", "वह गरम है।", "हम खाते हैं।"],
    "ur": ["روٹی پکتی ہے۔", "وہ گرم ہے۔", "ہم کھاتے ہیں۔"],
}


def pair(language: str, number: int, instruction: str = "") -> Pair:
    response = " ".join(f"{sentence[:-1]} {number}{sentence[-1]}" for sentence in SENTENCES[language])
    return Pair(f"{language}{number}", language, instruction or f"Instruction {number}", response, " in style")


PAIRS = [pair(language, number) for language in SENTENCES for number in range(4)]
PASS = 3 * len(PAIRS)  # rated pairs of one pass: each pair once a level
FLAWS = (
    "cut",
    "repeated",
    "partly_foreign",
    "strays",
    "boilerplate",
)  # that can be made of any pair, were there others
WEIGHTS = {**dict.fromkeys((*FLAWS, "model_answer", "swapped", "wrong_language"), 1.0), "drift": 0.0}
OWN = load_settings(ROOT / "params.yaml").evaluator
ANSWERS = {one.id: f"answer to {one.id}" for one in PAIRS}


def drawn(
    pairs: list[Pair], answers: dict[str, str], weights: dict[str, float], size: int, seed: int, **changed: object
) -> list[RatedPair]:
    own = {"rated_pairs": size, "defects": Defects.model_construct(**weights), **changed}
    return training_set(pairs, answers, OWN.model_copy(update=own), seed)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("one", [PAIRS[0], PAIRS[4], PAIRS[8]], ids=lambda one: one.language)
def test_a_cut_response_is_a_beginning_without_sentence_end(one: Pair, seed: int) -> None:
    cut = cut_off(one.response, random.Random(seed))
    assert one.response.startswith(cut)
    assert 0.2 * len(one.response) < len(cut) <= 0.8 * len(one.response)
    assert cut[-1] not in ".!?…।۔؟ "


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("one", [PAIRS[0], PAIRS[4], PAIRS[8]], ids=lambda one: one.language)
def test_a_repeated_response_says_one_sentence_again_in_place_of_those_after_it(one: Pair, seed: int) -> None:
    sentences = [f"{sentence[:-1]} 0{sentence[-1]}" for sentence in SENTENCES[one.language]]
    repeated = with_repetition(one.response, random.Random(seed))
    counts = [repeated.count(sentence) for sentence in sentences]
    said_again = next(number for number, count in enumerate(counts) if count > 1)
    assert counts[:said_again] == [1] * said_again
    assert counts[said_again + 1 :] == [0] * (len(sentences) - said_again - 1)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("one", [PAIRS[0], PAIRS[4], PAIRS[8]], ids=lambda one: one.language)
def test_a_repeated_response_is_about_as_long_as_the_true_one(one: Pair, seed: int) -> None:
    assert 0.6 < len(with_repetition(one.response, random.Random(seed))) / len(one.response) < 1.4


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("one", [PAIRS[0], PAIRS[4], PAIRS[8]], ids=lambda one: one.language)
def test_a_run_is_of_whole_sentences_one_after_the_other(one: Pair, seed: int) -> None:
    sentences = [f"{sentence[:-1]} 0{sentence[-1]}" for sentence in SENTENCES[one.language]]
    runs = [" ".join(sentences[start:end]) for start in range(3) for end in range(start + 1, 4)]
    assert run_of_sentences(one.response, random.Random(seed)) in runs


def test_each_set_has_runs_of_its_own(rated: list[RatedPair]) -> None:
    assert len({one.response for one in rated if one.pair.id == "fi0" and one.level == "best"}) > 1


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1 / 3 / 3), (1.0, 1.0)])
def test_so_many_of_the_responses_are_whole(share: float, expected: float) -> None:
    rated = drawn(PAIRS, ANSWERS, WEIGHTS, size=60 * PASS, seed=1, whole_share=share)
    true = {one.id: one.response for one in PAIRS}
    best = [one.response == true[one.pair.id] for one in rated if one.level == "best"]
    # A run of three sentences is all of them when it begins with the first (1 of 3) and ends with the last (1 of 3).
    assert sum(best) / len(best) == pytest.approx(expected, abs=0.03)


def test_the_held_out_responses_are_whole() -> None:
    best = [one.response for one in held_out_set(PAIRS, seed=1) if one.level == "best"]
    assert best == [one.response for one in PAIRS]


def test_a_lone_sentence_is_said_twice() -> None:
    assert with_repetition("Vain yksi lause.", random.Random(1)) == "Vain yksi lause. Vain yksi lause."


@pytest.mark.parametrize("seed", range(20))
def test_a_swapped_response_answers_another_instruction_in_the_same_language(seed: int) -> None:
    response = swapped(PAIRS[0], PAIRS, random.Random(seed))
    assert response in [one.response for one in PAIRS[1:4]]


def test_a_response_to_the_same_instruction_is_no_swap() -> None:
    same = [pair("fi", 1, "Same."), pair("fi", 2, "Same.")]
    assert swapped(same[0], same, random.Random(1)) is None


@pytest.mark.parametrize("seed", range(20))
def test_a_response_in_another_language_is_to_the_same_instruction_where_there_is_one(seed: int) -> None:
    response = wrong_language(PAIRS[0], PAIRS, random.Random(seed))
    assert response in [PAIRS[4].response, PAIRS[8].response]


def test_a_response_in_another_language_is_any_where_the_instruction_has_none() -> None:
    lone = pair("fi", 9)
    assert wrong_language(lone, [*PAIRS, lone], random.Random(1)) in [one.response for one in PAIRS[4:]]


def test_a_partly_foreign_response_begins_as_the_true_one_and_ends_in_another_language() -> None:
    made = [one for one in held_out_set(PAIRS, seed=1) if one.defect == "partly_foreign"]
    for one in made:
        beginning, _, _ = one.pair.response.partition(" ")
        others = [pair.response[-8:] for pair in PAIRS if pair.language != one.pair.language]
        assert one.response.startswith(beginning)
        assert one.response[-8:] in others


def test_a_straying_response_goes_on_with_that_to_another_instruction() -> None:
    text = going_on_with("Yksi. Kaksi. Kolme.", "Neljä. Viisi. Kuusi.", random.Random(1))
    assert text in ("Yksi. Viisi. Kuusi.", "Yksi. Kaksi. Kuusi.")


def test_a_lone_sentence_strays_after_it() -> None:
    assert going_on_with("Yksi.", "Neljä. Viisi.", random.Random(1)) == "Yksi. Viisi."


def test_without_another_response_nothing_strays() -> None:
    assert going_on_with("Yksi.", None, random.Random(1)) is None


def test_one_language_has_no_wrong_one() -> None:
    assert wrong_language(PAIRS[0], PAIRS[:4], random.Random(1)) is None


@pytest.fixture
def rated() -> list[RatedPair]:
    return drawn(PAIRS, ANSWERS, WEIGHTS, size=3 * PASS, seed=1)


def test_every_pair_is_there_once_a_level_in_each_set(rated: list[RatedPair]) -> None:
    counts = Counter((one.pair.id, one.level) for one in rated)
    assert set(counts.values()) == {3}
    assert len(counts) == 3 * len(PAIRS)


def test_each_defect_has_its_level(rated: list[RatedPair]) -> None:
    assert {(one.level, one.defect) for one in rated} == {
        ("best", "none"),
        *(("flawed", defect) for defect in (*FLAWS, "model_answer")),
        *(("worst", defect) for defect in ("swapped", "wrong_language")),
    }


def test_only_the_best_have_the_true_response(rated: list[RatedPair]) -> None:
    assert all((one.response == one.pair.response) == (one.level == "best") for one in rated)


def test_a_model_answer_is_that_of_its_own_pair(rated: list[RatedPair]) -> None:
    assert all(one.response == ANSWERS[one.pair.id] for one in rated if one.defect == "model_answer")


def test_each_set_has_defects_of_its_own(rated: list[RatedPair]) -> None:
    worst = {one.response for one in rated if one.pair.id == "fi0" and one.level == "worst"}
    assert len(worst) > 1


def test_the_same_seed_gives_the_same_set(rated: list[RatedPair]) -> None:
    assert drawn(PAIRS, ANSWERS, WEIGHTS, size=3 * PASS, seed=1) == rated
    assert drawn(PAIRS, ANSWERS, WEIGHTS, size=3 * PASS, seed=2) != rated


def test_a_model_answer_equal_to_the_truth_is_no_flaw() -> None:
    truth = {one.id: one.response for one in PAIRS}
    assert "model_answer" not in {one.defect for one in drawn(PAIRS, truth, WEIGHTS, size=5 * PASS, seed=1)}


def test_about_as_many_are_made_as_asked_for() -> None:
    assert len(drawn(PAIRS, ANSWERS, WEIGHTS, size=2 * PASS + 5, seed=1)) == 2 * PASS


def test_fewer_than_the_pairs_are_one_pass() -> None:
    assert len(drawn(PAIRS, ANSWERS, WEIGHTS, size=1, seed=1)) == PASS


def test_no_pairs_are_no_rated_pairs() -> None:
    assert drawn([], {}, WEIGHTS, size=10, seed=1) == []


def test_a_defect_of_no_weight_is_not_made() -> None:
    weights = {**WEIGHTS, "model_answer": 0.0, "swapped": 0.0}
    made = {one.defect for one in drawn(PAIRS, ANSWERS, weights, size=5 * PASS, seed=1)}
    assert made == {"none", *FLAWS, "wrong_language"}


def content(rated: list[RatedPair]) -> str:
    return digest(*(part for one in rated for part in (one.pair.id, one.response, one.level, one.defect)))[:16]


def test_boilerplate_of_no_weight_leaves_the_training_set_as_it_was_before_there_was_any() -> None:
    rated = drawn(PAIRS, ANSWERS, {**WEIGHTS, "boilerplate": 0.0}, size=3 * PASS, seed=1)
    assert content(rated) == "2f496d1f1498cf01"


def test_the_other_held_out_defects_are_as_they_were_before_there_was_boilerplate() -> None:
    held_out = [one for one in held_out_set(PAIRS, seed=1) if one.defect != "boilerplate"]
    assert content(held_out) == "e16075344ce8287f"


def test_what_is_taught_of_boilerplate_is_not_what_is_measured(rated: list[RatedPair]) -> None:
    for number, made in enumerate([rated, held_out_set(PAIRS, seed=1)]):
        for one in made:
            if one.defect == "boilerplate":
                own, other = (taught_and_measured(one.pair.language)[half] for half in (number, 1 - number))
                assert any(phrase in one.response.lower() for phrase in own)
                assert not any(phrase in one.response.lower() for phrase in other)


OPEN = "Write a text."


def test_no_response_to_an_open_instruction_is_swapped() -> None:
    pool = [pair("fi", 1, OPEN), pair("fi", 2, OPEN), pair("fi", 3), pair("fi", 4)]
    assert swapped(pool[0], pool, random.Random(1), [OPEN]) is None
    assert {swapped(pool[2], pool, random.Random(seed), [OPEN]) for seed in range(9)} == {pool[3].response}


@pytest.mark.parametrize("made_of", [held_out_set, calibration_set])
def test_what_any_text_answers_is_neither_measured_nor_calibrated_as_swapped(made_of: Callable[..., Any]) -> None:
    pool = [pair("fi", 1, OPEN), pair("fi", 2, OPEN), pair("fi", 3), pair("fi", 4)]
    unfit = [one.pair.id for one in made_of(pool, 1, [OPEN]) if one.defect in ("swapped", "strays")]
    assert unfit == ["fi3", "fi3", "fi4", "fi4"]


def test_drift_is_what_the_base_model_says_to_the_pairs_own_instruction_and_is_worst() -> None:
    drifts = {one.id: f"drift of {one.id}" for one in PAIRS}
    own = OWN.model_copy(update={"rated_pairs": 9 * PASS, "defects": Defects(**{**WEIGHTS, "drift": 1.0})})
    made = [one for one in training_set(PAIRS, ANSWERS, own, 1, drifts) if one.defect == "drift"]
    assert len(made) > PASS
    assert all((one.level, one.response) == ("worst", drifts[one.pair.id]) for one in made)


def test_pairs_of_an_open_instruction_are_made_worse_otherwise() -> None:
    pairs = [replace(one, instruction=OPEN) for one in PAIRS]
    made = {one.defect for one in drawn(pairs, {}, WEIGHTS, size=9 * PASS, seed=1, open_instructions=[OPEN])}
    assert made == {"none", "cut", "repeated", "partly_foreign", "boilerplate", "wrong_language"}


def test_defects_are_as_frequent_as_their_weights() -> None:
    weights = {**WEIGHTS, "swapped": 0.25}
    rated = drawn(PAIRS, ANSWERS, weights, size=100 * PASS, seed=1)
    counts = Counter(one.defect for one in rated if one.level == "worst")
    assert counts["swapped"] / counts["wrong_language"] == pytest.approx(0.25, abs=0.05)


def test_the_held_out_set_has_every_pair_with_every_defect_but_model_answers() -> None:
    held_out = held_out_set(PAIRS, seed=1)
    counts = Counter(one.defect for one in held_out)
    assert counts == dict.fromkeys(("none", *FLAWS, "swapped", "wrong_language"), len(PAIRS))


def test_ratings_are_calibrated_on_the_same_defects_with_the_boilerplate_that_is_taught() -> None:
    to_fit, held_out = (
        {(one.pair.id, one.defect): one.response for one in made(PAIRS, seed=1)}
        for made in (calibration_set, held_out_set)
    )
    assert {key for key in to_fit if to_fit[key] != held_out[key]} == {(one.id, "boilerplate") for one in PAIRS}
    for (identifier, defect), response in to_fit.items():
        if defect == "boilerplate":
            taught, measured = taught_and_measured(identifier[:2])
            assert any(phrase in response.lower() for phrase in taught)
            assert not any(phrase in response.lower() for phrase in measured)


def test_the_held_out_set_is_the_same_in_every_iteration() -> None:
    assert held_out_set(PAIRS, seed=1) == held_out_set(PAIRS, seed=1)


def test_what_cannot_be_made_of_the_held_out_pairs_is_left_out() -> None:
    assert {one.defect for one in held_out_set(PAIRS[:1], seed=1)} == {"none", "cut", "repeated", "boilerplate"}


@pytest.mark.parametrize(
    ("good", "bad", "area"),
    [
        ([0.9, 0.8], [0.2, 0.1], 1.0),
        ([0.1], [0.2, 0.3], 0.0),
        ([0.9, 0.5], [0.5, 0.1], 3.5 / 4),  # three pairs won, one tied
        ([0.5, 0.5], [0.5], 0.5),
        ([0.4, 0.8, 0.6], [0.5, 0.7], 3 / 6),
    ],
)
def test_area_under_curve_is_the_share_of_pairs_won_ties_half(good: list[float], bad: list[float], area: float) -> None:
    assert area_under_curve(pl.Series(good), pl.Series(bad)) == pytest.approx(area)


def test_area_under_curve_of_nothing_is_none() -> None:
    nothing = pl.Series([], dtype=pl.Float64)
    assert area_under_curve(nothing, pl.Series([0.5])) is area_under_curve(pl.Series([0.5]), nothing) is None


RATED = pl.DataFrame(
    [
        ("best", "none", 0.9, 0.1, 0.0),
        ("best", "none", 0.3, 0.5, 0.2),
        ("flawed", "cut", 0.5, 0.4, 0.1),
        ("flawed", "repeated", 0.1, 0.6, 0.3),
        ("worst", "swapped", 0.2, 0.2, 0.6),
        ("worst", "wrong_language", 0.0, 0.1, 0.9),
    ],
    schema=["level", "defect", "best", "flawed", "worst"],
    orient="row",
).with_columns(rating=pl.col("best") + 0.5 * pl.col("flawed"), language=pl.lit("fi"))


def test_precision_and_recall_are_those_at_the_threshold() -> None:
    # Ratings: best 0.95, 0.55; flawed 0.7, 0.4; worst 0.3, 0.05. From 0.6 on: one best, one flawed.
    found = scores(RATED, 0.6)
    assert (found["precision"], found["recall"], found["pairs"]) == (0.5, 0.5, 6)


def test_a_rating_at_the_threshold_is_taken() -> None:
    assert scores(RATED.with_columns(rating=pl.lit(0.5)), 0.5)["recall"] == 1.0


def test_nothing_taken_is_no_precision() -> None:
    assert scores(RATED, 0.99)["precision"] == 0.0


def test_area_by_defect_compares_the_best_with_that_defect_alone() -> None:
    found = scores(RATED, 0.6)
    assert found["auc_by_defect"] == {"cut": 0.5, "repeated": 1.0, "swapped": 1.0, "wrong_language": 1.0}
    assert found["auc"] == pytest.approx(7 / 8)
    assert found["auc_surface"] == pytest.approx(5 / 6)


def test_confusion_counts_the_likeliest_level() -> None:
    assert scores(RATED, 0.6)["confusion"] == {
        "best": {"best": 1, "flawed": 1, "worst": 0},
        "flawed": {"best": 1, "flawed": 1, "worst": 0},
        "worst": {"best": 0, "flawed": 0, "worst": 2},
    }


def test_what_the_labels_tell_alone_is_measured_too() -> None:
    found = labels_alone(RATED.drop("rating"), [1, 0.5, 0])
    assert found == {"auc": scores(RATED, 0.6)["auc"], "auc_by_defect": scores(RATED, 0.6)["auc_by_defect"]}
