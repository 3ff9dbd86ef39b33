"""Reliability, its error and temperature scaling, as counted by hand."""

from __future__ import annotations

import math

import polars as pl
import pytest

from stages.evaluator.fitting import cross_entropy, fitted_temperature
from stages.evaluator.reliability import expected_calibration_error, reliability
from x_instruction.rating.calibration import LEVELS, with_temperature
from x_instruction.rating.rate import with_rating


def rated(*rows: tuple[str, float, float, float]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=["level", *LEVELS], orient="row")


def told(level: str, sure: float, times: int, wrong: int = 0) -> list[tuple[str, float, float, float]]:
    """Pairs of a level rated so with the probability `sure`, `wrong` of them as the next level."""
    rows = []
    for number in range(times):
        said = (LEVELS.index(level) + (number < wrong)) % 3
        rows.append((level, *(sure if place == said else (1 - sure) / 2 for place in range(3))))
    return rows


def every_level(sure: float, times: int, wrong: int) -> pl.DataFrame:
    rows = zip(*(told(level, sure, times, wrong) for level in LEVELS), strict=True)
    # Right and wrong ones turn by turn, so that both halves of a cross-fit hold both.
    return of_seeds(*(row for rows_of_one in rows for row in rows_of_one))


def of_seeds(*rows: tuple[str, float, float, float], each: int = 3) -> pl.DataFrame:
    """`each` rows one after the other are made of the same seed, and so are of its instruction."""
    return rated(*rows).with_columns(instruction=pl.format("Say {}.", pl.int_range(pl.len()) // each))


def test_reliability_is_the_share_of_best_by_tenths_of_the_probability() -> None:
    frame = rated(("best", 0.95, 0.05, 0.0), ("best", 0.15, 0.85, 0.0), ("flawed", 0.11, 0.89, 0.0))
    # best pairs weigh 1/4 each, the flawed one 1/2: the levels weigh the same.
    found = reliability(frame)
    assert found["bin"].to_list() == [1, 9]
    assert found["best_share"].to_list() == pytest.approx([1 / 3, 1.0])
    assert found["predicted"].to_list() == pytest.approx([(0.15 + 2 * 0.11) / 3, 0.95])
    assert found["weight"].to_list() == pytest.approx([0.75, 0.25])


def test_the_calibration_error_is_the_distance_from_the_diagonal_by_weight() -> None:
    frame = rated(("best", 0.95, 0.05, 0.0), ("best", 0.15, 0.85, 0.0), ("flawed", 0.11, 0.89, 0.0))
    expected = 0.75 * abs((0.15 + 0.22) / 3 - 1 / 3) + 0.25 * 0.05
    assert expected_calibration_error(frame) == pytest.approx(expected)


def test_no_pairs_have_no_calibration_error() -> None:
    assert expected_calibration_error(rated(("best", 1.0, 0.0, 0.0)).head(0)) is None


def test_more_defects_of_a_pair_change_no_figure() -> None:
    rows = [*told("best", 0.8, 10, 3), *told("flawed", 0.7, 10, 2), *told("worst", 0.9, 10)]
    frame, more = rated(*rows), rated(*rows, *told("worst", 0.9, 20))
    assert cross_entropy(frame) == pytest.approx(cross_entropy(more))
    assert expected_calibration_error(frame) == pytest.approx(expected_calibration_error(more))


def test_cross_entropy_is_the_cost_of_the_true_level() -> None:
    frame = rated(("best", 0.5, 0.5, 0.0), ("flawed", 0.75, 0.25, 0.0))
    assert cross_entropy(frame) == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_an_evaluator_surer_than_right_is_cooled_and_then_calibrated() -> None:
    frame = every_level(sure=0.99, times=100, wrong=40)
    temperature = fitted_temperature(frame)
    assert temperature > 2
    scaled = with_temperature(frame, temperature)
    assert cross_entropy(scaled) < cross_entropy(frame)
    assert expected_calibration_error(scaled) < 0.15 < expected_calibration_error(frame)  # type: ignore[operator]


def test_an_evaluator_less_sure_than_right_is_sharpened() -> None:
    assert fitted_temperature(every_level(sure=0.5, times=100, wrong=5)) < 0.9


def test_too_few_pairs_to_judge_are_left_as_they_are() -> None:
    assert fitted_temperature(of_seeds(*told("best", 0.9, 5))) == 1.0


@pytest.mark.parametrize("kinds", [2, 3])
def test_each_half_has_every_level_however_many_kinds_are_made_of_a_seed(kinds: int) -> None:
    made = [level for level in LEVELS[1:] for _ in range(kinds)][: 2 * kinds - 1]
    rows = [
        row
        for number in range(60)
        for level in ("best", *made)
        for row in told(level, 0.99, 1, wrong=int(number % 5 < 2))
    ]
    assert len(made) % 2 == 1  # and the best make an even number
    assert fitted_temperature(of_seeds(*rows, each=1 + len(made))) > 2


def test_a_weight_of_its_own_counts_in_place_of_the_levels() -> None:
    frame = rated(("best", 0.5, 0.5, 0.0), ("flawed", 0.75, 0.25, 0.0)).with_columns(weight=pl.Series([3.0, 1.0]))
    assert cross_entropy(frame) == pytest.approx((3 * math.log(2) + math.log(4)) / 4)


def test_temperature_keeps_the_order_of_the_levels_and_their_sum() -> None:
    scaled = with_temperature(rated(("best", 0.6, 0.3, 0.1)), 3.0).row(0)[1:]
    assert sum(scaled) == pytest.approx(1) and scaled[0] > scaled[1] > scaled[2] > 0.1


def test_a_temperature_of_one_changes_nothing() -> None:
    frame = rated(("best", 0.6, 0.3, 0.1))
    assert with_temperature(frame, 1.0).equals(frame)


def test_a_rating_is_the_expectation_of_the_values() -> None:
    assert with_rating(rated(("best", 0.6, 0.3, 0.1)), [1, 0.2, 0])["rating"].to_list() == pytest.approx([0.66])
