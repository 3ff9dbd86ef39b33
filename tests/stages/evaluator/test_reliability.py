"""Reliability, calibration error and temperature scaling agree with values counted by hand."""

from __future__ import annotations

import math

import polars as pl
import pytest

from stages.evaluator.fitting import cross_entropy, fit_temperature
from stages.evaluator.reliability import expected_calibration_error, reliability
from x_instruction.rating.calibration import LEVELS, with_temperature
from x_instruction.rating.rate import with_rating


def rated(*rows: tuple[str, float, float, float]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=["level", *LEVELS], orient="row")


def pairs(level: str, certainty: float, times: int, wrong: int = 0) -> list[tuple[str, float, float, float]]:
    """Pairs of a level that have the probability `certainty` for this level or, in `wrong` of them, for the next."""
    rows: list[tuple[str, float, float, float]] = []
    for number in range(times):
        likeliest = (LEVELS.index(level) + (number < wrong)) % 3
        shares = [certainty if place == likeliest else (1 - certainty) / 2 for place in range(3)]
        rows.append((level, shares[0], shares[1], shares[2]))
    return rows


def every_level(certainty: float, times: int, wrong: int) -> pl.DataFrame:
    by_level = zip(*(pairs(level, certainty, times, wrong) for level in LEVELS), strict=True)
    # The levels alternate, so that both halves of the cross-validation have rightly and wrongly rated pairs.
    return of_seeds(*(row for rows in by_level for row in rows))


def of_seeds(*rows: tuple[str, float, float, float], each: int = 3) -> pl.DataFrame:
    """Gives every `each` consecutive rows the same instruction, as if they came from the same seed."""
    return rated(*rows).with_columns(instruction=pl.format("Say {}.", pl.int_range(pl.len()) // each))


def test_reliability_is_the_share_of_best_pairs_in_each_tenth_of_the_probability() -> None:
    frame = rated(("best", 0.95, 0.05, 0.0), ("best", 0.15, 0.85, 0.0), ("flawed", 0.11, 0.89, 0.0))
    # Both levels have the same weight: each of the two best pairs has 1/4, and the flawed pair has 1/2.
    found = reliability(frame)
    assert found["bin"].to_list() == [1, 9]
    assert found["best_share"].to_list() == pytest.approx([1 / 3, 1.0])
    assert found["predicted"].to_list() == pytest.approx([(0.15 + 2 * 0.11) / 3, 0.95])
    assert found["weight"].to_list() == pytest.approx([0.75, 0.25])


def test_the_calibration_error_is_the_weighted_distance_from_the_diagonal() -> None:
    frame = rated(("best", 0.95, 0.05, 0.0), ("best", 0.15, 0.85, 0.0), ("flawed", 0.11, 0.89, 0.0))
    expected = 0.75 * abs((0.15 + 0.22) / 3 - 1 / 3) + 0.25 * 0.05
    assert expected_calibration_error(frame) == pytest.approx(expected)


def test_more_defects_of_a_pair_do_not_change_the_figures() -> None:
    rows = [*pairs("best", 0.8, 10, 3), *pairs("flawed", 0.7, 10, 2), *pairs("worst", 0.9, 10)]
    frame, more = rated(*rows), rated(*rows, *pairs("worst", 0.9, 20))
    assert cross_entropy(frame) == pytest.approx(cross_entropy(more))
    assert expected_calibration_error(frame) == pytest.approx(expected_calibration_error(more))


def test_cross_entropy_is_the_negative_log_probability_of_the_true_level() -> None:
    frame = rated(("best", 0.5, 0.5, 0.0), ("flawed", 0.75, 0.25, 0.0))
    assert cross_entropy(frame) == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_the_cross_entropy_of_an_impossible_level_is_finite() -> None:
    assert cross_entropy(rated(("best", 0.0, 1.0, 0.0), ("flawed", 0.0, 1.0, 0.0))) == pytest.approx(
        math.log(1e9) / 2, rel=1e-3
    )


def test_an_overconfident_evaluator_gets_a_temperature_that_calibrates_it() -> None:
    frame = every_level(certainty=0.99, times=100, wrong=40)
    temperature = fit_temperature(frame)
    assert temperature > 2
    scaled = with_temperature(frame, temperature)
    assert cross_entropy(scaled) < cross_entropy(frame)
    assert expected_calibration_error(scaled) < 0.15 < expected_calibration_error(frame)


def test_an_underconfident_evaluator_gets_a_temperature_below_1() -> None:
    assert fit_temperature(every_level(certainty=0.5, times=100, wrong=5)) < 0.9


def test_pairs_of_a_single_level_are_not_scaled() -> None:
    assert fit_temperature(of_seeds(*pairs("best", 0.9, 5))) == 1.0


@pytest.mark.parametrize("kinds", [2, 3])
def test_both_halves_have_every_level_for_an_even_and_an_odd_number_of_pairs_per_seed(kinds: int) -> None:
    worse = [level for level in LEVELS[1:] for _ in range(kinds)][: 2 * kinds - 1]
    rows = [
        row
        for number in range(60)
        for level in ("best", *worse)
        for row in pairs(level, 0.99, 1, wrong=int(number % 5 < 2))
    ]
    assert fit_temperature(of_seeds(*rows, each=1 + len(worse))) > 2


def test_a_column_of_weights_replaces_the_equal_weight_of_levels() -> None:
    frame = rated(("best", 0.5, 0.5, 0.0), ("flawed", 0.75, 0.25, 0.0)).with_columns(weight=pl.Series([3.0, 1.0]))
    assert cross_entropy(frame) == pytest.approx((3 * math.log(2) + math.log(4)) / 4)


def test_a_temperature_keeps_the_order_of_the_levels_and_the_sum_of_their_probabilities() -> None:
    scaled = with_temperature(rated(("best", 0.6, 0.3, 0.1)), 3.0).row(0)[1:]
    assert sum(scaled) == pytest.approx(1) and scaled[0] > scaled[1] > scaled[2] > 0.1


def test_a_temperature_of_1_changes_nothing() -> None:
    frame = rated(("best", 0.6, 0.3, 0.1))
    assert with_temperature(frame, 1.0).equals(frame)


def test_a_rating_is_the_expectation_of_the_values() -> None:
    assert with_rating(rated(("best", 0.6, 0.3, 0.1)), [1, 0.2, 0])["rating"].to_list() == pytest.approx([0.66])
