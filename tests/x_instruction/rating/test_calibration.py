"""Label probabilities and signs joined: fitted on pairs of known level, applied, written and read again."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from stages.evaluator.fitting import fitted
from stages.evaluator.measures import area_under_curve
from x_instruction.rating.calibration import LEVELS, Calibration, Weights, read_calibration, features

KINDS = {"none": "best", "cut": "flawed", "repeated": "flawed", "swapped": "worst"}
TAUGHT = {"cut": 1.0, "repeated": 1.0, "swapped": 1.0}
SIGNALS = ["likelihood", "repeated_share"]


def rated(seed: int, each: int = 60) -> pl.DataFrame:
    """The labels tell cut responses and nothing else, the likelihood swapped ones, the share repeated ones."""
    draw, rows = random.Random(seed), []
    for defect, level in KINDS.items():
        for _ in range(each):
            best = draw.uniform(0.02, 0.2) if defect == "cut" else draw.uniform(0.4, 0.9)
            likelihood = draw.gauss(-4 if defect == "swapped" else -1, 0.5)
            repeated = draw.uniform(0.2, 0.5) if defect == "repeated" else 0.0
            rows.append((level, defect, best, 0.9 - best * 0.9, 0.1 - best * 0.1, likelihood, repeated))
    made = pl.DataFrame(rows, schema=["level", "defect", *LEVELS, *SIGNALS], orient="row")
    return made.with_columns(instruction=pl.format("Say {}.", pl.int_range(pl.len()) % each))


def told(frame: pl.DataFrame, defect: str) -> float:
    best = {kind: frame.filter(pl.col("defect") == kind)["best"] for kind in ("none", defect)}
    found = area_under_curve(best["none"], best[defect])
    assert found is not None
    return found


def test_what_labels_and_signs_tell_apart_is_told_by_their_join() -> None:
    unseen = rated(2)
    joined = fitted(rated(1), SIGNALS, TAUGHT, True).apply(unseen)
    assert [round(told(unseen, defect)) for defect in TAUGHT] == [1, 0, 0] or told(unseen, "swapped") < 0.65
    assert all(told(joined, defect) > 0.97 for defect in TAUGHT)


def test_with_best_and_worst_swapped_it_tells_nothing_of_what_the_likelihood_told() -> None:
    levels = {"best": "worst", "worst": "best", "flawed": "flawed"}
    wrong = rated(1).with_columns(pl.col("level").replace_strict(levels))
    wrong = wrong.with_columns(pl.col("defect").replace({"none": "swapped", "swapped": "none"}))
    assert told(fitted(wrong, SIGNALS, TAUGHT, True).apply(rated(2)), "swapped") < 0.6


def test_probabilities_sum_to_one_and_are_calibrated() -> None:
    joined = fitted(rated(1), SIGNALS, TAUGHT, True).apply(rated(2))
    sums = joined.select(pl.sum_horizontal(LEVELS)).to_series()
    assert sums.to_list() == pytest.approx([1.0] * joined.height)
    # A third of the weight is on each level; four kinds are as many each, so best is a quarter of the rows.
    likeliest = joined.select(pl.concat_list(LEVELS).list.arg_max()).to_series()
    assert 0.2 < (likeliest == 0).mean() < 0.3  # type: ignore[operator]


def test_a_defect_that_is_not_taught_is_not_fitted() -> None:
    frame = rated(1)
    without = fitted(frame.filter(pl.col("defect") != "repeated"), SIGNALS, TAUGHT, True)
    untaught = fitted(frame, SIGNALS, {**TAUGHT, "repeated": 0.0}, True)
    assert untaught == without


def test_levels_weigh_the_same_however_many_pairs_they_have() -> None:
    frame = rated(1)
    twice = pl.concat([frame, frame.filter(pl.col("level") == "worst")])
    ours, theirs = (fitted(one, SIGNALS, TAUGHT, True).apply(rated(2))["best"] for one in (frame, twice))
    assert ours.to_list() == pytest.approx(theirs.to_list(), abs=0.1)


def test_better_than_the_usual_true_pair_counts_as_the_usual_and_nothing_is_extrapolated() -> None:
    frame = rated(1)
    calibration = fitted(frame, SIGNALS, TAUGHT, True)
    assert calibration.weights is not None
    best = frame.filter(pl.col("level") == "best")
    usual = float(best["likelihood"].median())  # type: ignore[arg-type]
    lowest = float(frame["likelihood"].min())  # type: ignore[arg-type]
    one = best.head(1)
    asked = pl.concat([one.with_columns(likelihood=pl.lit(value)) for value in (usual, 0.0, lowest, -50.0)])
    found = calibration.apply(asked)["best"].to_list()
    assert found[0] == pytest.approx(found[1], abs=1e-4) and found[2] == pytest.approx(found[3], abs=1e-4)
    assert found[0] > found[2] + 0.3


def test_features_are_log_odds_and_the_way_to_the_worse_side() -> None:
    weights = Weights(["likelihood", "repeated_share"], [1.0, 0.0], [2.0, 0.5], [], [])
    frame = pl.DataFrame(
        {"best": [0.5], "flawed": [0.25], "worst": [0.25], "likelihood": [-2.5], "repeated_share": [0.9]}
    )
    assert features(frame, weights).tolist() == [[pytest.approx(0.6931, abs=1e-4), 0.0, 1.5, 0.5]]


@pytest.mark.parametrize("level", LEVELS)
def test_where_a_level_is_missing_the_labels_stay_as_they_are(level: str) -> None:
    few = rated(1).filter(pl.col("level") != level)
    assert fitted(few, SIGNALS, TAUGHT, True) == Calibration()


def test_no_pairs_are_no_calibration() -> None:
    assert fitted(rated(1).clear(), SIGNALS, TAUGHT, True).apply(rated(2)).equals(rated(2))


def test_a_sign_that_never_varies_changes_nothing() -> None:
    frame, unseen = (rated(seed).with_columns(open_end=pl.lit(1.0)) for seed in (1, 2))
    ours, theirs = (fitted(frame, signs, TAUGHT, True).apply(unseen) for signs in (SIGNALS, [*SIGNALS, "open_end"]))
    assert ours["best"].to_list() == pytest.approx(theirs["best"].to_list(), abs=1e-3)


@pytest.mark.parametrize(("scaling", "scaled"), [(True, True), (False, False)])
def test_without_signs_the_labels_are_scaled_where_that_is_set(scaling: bool, scaled: bool) -> None:
    calibration = fitted(rated(1), [], TAUGHT, scaling)
    assert calibration.weights is None and (calibration.temperature != 1.0) is scaled


def test_the_temperature_too_weighs_defects_as_they_are_taught() -> None:
    # Of the sharp labels those of repeated responses are wrong: as often as they are taught, it is to be less sure.
    frame = rated(1).with_columns(
        best=pl.col("defect").replace_strict({"none": 0.98, "repeated": 0.98}, default=0.01),
        flawed=pl.col("defect").replace_strict({"cut": 0.98, "swapped": 0.01}, default=0.01),
    )
    frame = frame.with_columns(worst=1 - pl.col("best") - pl.col("flawed"))
    seldom, often = (fitted(frame, [], {**TAUGHT, "repeated": weight}, True).temperature for weight in (0.01, 10.0))
    assert often > 2 * seldom
    untaught, without = (
        fitted(one, [], {**TAUGHT, "repeated": 0.0}, True)
        for one in (frame, frame.filter(pl.col("defect") != "repeated"))
    )
    assert untaught == without


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    for calibration in (Calibration(), Calibration(1.5), fitted(rated(1), SIGNALS, TAUGHT, True)):
        calibration.write(tmp_path)
        assert read_calibration(tmp_path) == calibration
