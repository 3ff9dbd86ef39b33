"""A calibration is fitted on pairs of known level, with or without signals, applied, written and read again."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from stages.evaluator.fitting import best_subtracted, fit_calibration
from stages.evaluator.measures import area_under_curve
from x_instruction.rating.calibration import LEVELS, Calibration, Regression, features, read_calibration
from x_instruction.runner.errors import InputError

LEVEL_OF = {"none": "best", "cut": "flawed", "repeated": "flawed", "swapped": "worst"}
WEIGHTS = {"cut": 1.0, "repeated": 1.0, "swapped": 1.0}
SIGNALS = ["likelihood", "repeated_share"]


def rated(seed: int, each: int = 60) -> pl.DataFrame:
    """Rated pairs in which each defect shows in one value only.

    A cut response changes only the label probabilities, a response to another instruction (`swapped`) changes only the
    likelihood, and a repetition changes only the repeated share.
    """
    draw, rows = random.Random(seed), []
    for defect, level in LEVEL_OF.items():
        for _ in range(each):
            best = draw.uniform(0.02, 0.2) if defect == "cut" else draw.uniform(0.4, 0.9)
            likelihood = draw.gauss(-4 if defect == "swapped" else -1, 0.5)
            repeated = draw.uniform(0.2, 0.5) if defect == "repeated" else 0.0
            rows.append((level, defect, best, 0.9 - best * 0.9, 0.1 - best * 0.1, likelihood, repeated))
    made = pl.DataFrame(rows, schema=["level", "defect", *LEVELS, *SIGNALS], orient="row")
    return made.with_columns(instruction=pl.format("Say {}.", pl.int_range(pl.len()) % each))


def auc(frame: pl.DataFrame, defect: str) -> float:
    best = {kind: frame.filter(pl.col("defect") == kind)["best"] for kind in ("none", defect)}
    found = area_under_curve(best["none"], best[defect])
    assert found is not None
    return found


def test_the_regression_recognizes_defects_shown_by_labels_or_signals() -> None:
    unseen = rated(2)
    calibrated = fit_calibration(rated(1), SIGNALS, WEIGHTS, True).apply(unseen)
    assert auc(unseen, "cut") > 0.97 and max(auc(unseen, "repeated"), auc(unseen, "swapped")) < 0.65
    assert all(auc(calibrated, defect) > 0.97 for defect in WEIGHTS)


def test_the_likelihood_is_not_used_if_best_and_worst_are_swapped() -> None:
    levels = {"best": "worst", "worst": "best", "flawed": "flawed"}
    wrong = rated(1).with_columns(pl.col("level").replace_strict(levels))
    wrong = wrong.with_columns(pl.col("defect").replace({"none": "swapped", "swapped": "none"}))
    assert auc(fit_calibration(wrong, SIGNALS, WEIGHTS, True).apply(rated(2)), "swapped") < 0.6


def test_probabilities_sum_to_one_and_are_calibrated() -> None:
    calibrated = fit_calibration(rated(1), SIGNALS, WEIGHTS, True).apply(rated(2))
    sums = calibrated.select(pl.sum_horizontal(LEVELS)).to_series()
    assert sums.to_list() == pytest.approx([1.0] * calibrated.height)
    # The fit gives each level the same weight. Still, a quarter of the pairs are rated best, which is the true share.
    likeliest = calibrated.select(pl.concat_list(LEVELS).list.arg_max()).to_series()
    assert 0.2 < (likeliest == 0).mean() < 0.3  # type: ignore[operator]


def test_a_defect_of_weight_0_is_not_fitted() -> None:
    frame = rated(1)
    without = fit_calibration(frame.filter(pl.col("defect") != "repeated"), SIGNALS, WEIGHTS, True)
    assert fit_calibration(frame, SIGNALS, {**WEIGHTS, "repeated": 0.0}, True) == without


def test_levels_have_equal_weight_whatever_their_number_of_pairs() -> None:
    frame = rated(1)
    more = pl.concat([frame, frame.filter(pl.col("level") == "worst")])
    first, second = (fit_calibration(part, SIGNALS, WEIGHTS, True).apply(rated(2))["best"] for part in (frame, more))
    assert first.to_list() == pytest.approx(second.to_list(), abs=0.1)


def test_a_signal_is_clipped_to_the_best_median_and_the_worst_fitted_value() -> None:
    frame = rated(1)
    best = frame.filter(pl.col("level") == "best")
    median = float(best["likelihood"].median())  # type: ignore[arg-type]
    lowest = float(frame["likelihood"].min())  # type: ignore[arg-type]
    values = (median, 0.0, lowest, -50.0)
    same_pair = pl.concat([best.head(1).with_columns(likelihood=pl.lit(value)) for value in values])
    found = fit_calibration(frame, SIGNALS, WEIGHTS, True).apply(same_pair)["best"].to_list()
    assert found[0] == pytest.approx(found[1], abs=1e-4) and found[2] == pytest.approx(found[3], abs=1e-4)
    assert found[0] > found[2] + 0.3


def test_features_are_log_odds_and_clipped_distances_to_the_worse_side() -> None:
    regression = Regression(["likelihood", "repeated_share"], [1.0, 0.0], [2.0, 0.5], [], [], 0.0)
    frame = pl.DataFrame(
        {"best": [0.5], "flawed": [0.25], "worst": [0.25], "likelihood": [-2.5], "repeated_share": [0.9]}
    )
    assert features(frame, regression).tolist() == [[pytest.approx(0.6931, abs=1e-4), 0.0, 1.5, 0.5]]


def test_a_signal_that_is_null_has_the_distance_0() -> None:
    regression = Regression(["likelihood"], [1.0], [2.0], [], [], 0.0)
    frame = pl.DataFrame({"best": [0.5], "flawed": [0.25], "worst": [0.25], "likelihood": [None]}).cast(pl.Float64)
    assert features(frame, regression)[0, 2:].tolist() == [0.0]


@pytest.mark.parametrize("name", ["likelihood", "part_likelihood"])
def test_pairs_whose_signal_is_null_do_not_change_its_median_and_limit(name: str) -> None:
    frame = rated(1).with_columns(part_likelihood="likelihood", other_likelihood=pl.lit(-1.0))
    signals = [*SIGNALS, "part_likelihood"]
    more = pl.concat([frame, frame.with_columns(pl.lit(None, dtype=pl.Float64).alias(name))])
    found, expected = (fit_calibration(part, signals, WEIGHTS, True).regression for part in (more, frame))
    assert found is not None and expected is not None
    assert (found.medians, found.limits, found.subtracted) == (expected.medians, expected.limits, expected.subtracted)
    nowhere = fit_calibration(frame.with_columns(pl.lit(None, dtype=pl.Float64).alias(name)), signals, WEIGHTS, True)
    assert nowhere.regression is not None and nowhere.regression.limits[signals.index(name)] == 0.0
    assert nowhere.apply(frame)["best"].is_finite().all()


@pytest.mark.parametrize(("spread", "noise", "share"), [(3.0, 0.1, 1.0), (0.1, 3.0, 0.0), (2.0, 2.0, 0.5)])
def test_the_share_of_the_mean_that_separates_best_is_subtracted(spread: float, noise: float, share: float) -> None:
    """`spread` is the standard deviation of the part of the likelihood that depends on the instruction alone.

    `noise` is the standard deviation of the error with which `other_likelihood` measures this part.
    """
    draw = random.Random(1)
    likelihoods = [draw.gauss(0, spread) for _ in range(240)]
    frame = rated(1).with_columns(
        pl.col("likelihood") + pl.Series(likelihoods),
        other_likelihood=pl.Series([value + draw.gauss(0, noise) for value in likelihoods]),
        part_likelihood=pl.lit(0.0),
    )
    assert best_subtracted(frame) == share
    calibration = fit_calibration(frame, SIGNALS, WEIGHTS, True)
    assert calibration.regression is not None and calibration.regression.subtracted == share
    alone = fit_calibration(frame.drop("other_likelihood"), SIGNALS, WEIGHTS, True)
    assert auc(calibration.apply(frame), "swapped") > auc(alone.apply(frame), "swapped") - 1e-9
    assert best_subtracted(frame.filter(pl.col("defect") != "swapped")) == 1.0


@pytest.mark.parametrize("level", LEVELS)
def test_without_pairs_of_a_level_no_calibration_is_fitted(level: str) -> None:
    assert fit_calibration(rated(1).filter(pl.col("level") != level), SIGNALS, WEIGHTS, True) == Calibration()


def test_a_calibration_fitted_on_no_pairs_changes_nothing() -> None:
    assert fit_calibration(rated(1).clear(), SIGNALS, WEIGHTS, True).apply(rated(2)).equals(rated(2))


def test_a_signal_that_does_not_vary_changes_nothing() -> None:
    frame, unseen = (rated(seed).with_columns(open_end=pl.lit(1.0)) for seed in (1, 2))
    first, second = (
        fit_calibration(frame, signals, WEIGHTS, True).apply(unseen) for signals in (SIGNALS, [*SIGNALS, "open_end"])
    )
    assert first["best"].to_list() == pytest.approx(second["best"].to_list(), abs=1e-3)


@pytest.mark.parametrize(("scaling", "scaled"), [(True, True), (False, False)])
def test_without_signals_a_setting_decides_whether_labels_are_scaled(scaling: bool, scaled: bool) -> None:
    calibration = fit_calibration(rated(1), [], WEIGHTS, scaling)
    assert calibration.regression is None and (calibration.temperature != 1.0) is scaled


def test_the_temperature_depends_on_the_weights_of_the_defects() -> None:
    # The labels are certain, but wrong for repeated responses. A larger weight of these responses makes the fitted
    # probabilities less certain.
    frame = rated(1).with_columns(
        best=pl.col("defect").replace_strict({"none": 0.98, "repeated": 0.98}, default=0.01),
        flawed=pl.col("defect").replace_strict({"cut": 0.98, "swapped": 0.01}, default=0.01),
    )
    frame = frame.with_columns(worst=1 - pl.col("best") - pl.col("flawed"))
    seldom, often = (
        fit_calibration(frame, [], {**WEIGHTS, "repeated": weight}, True).temperature for weight in (0.01, 10.0)
    )
    assert often > 2 * seldom
    unweighted, without = (
        fit_calibration(part, [], {**WEIGHTS, "repeated": 0.0}, True)
        for part in (frame, frame.filter(pl.col("defect") != "repeated"))
    )
    assert unweighted == without


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    for calibration in (Calibration(), Calibration(1.5), fit_calibration(rated(1), SIGNALS, WEIGHTS, True)):
        calibration.write(tmp_path)
        assert read_calibration(tmp_path) == calibration


@pytest.mark.parametrize(
    "older",
    [
        {"regression": None},
        {"temperature": 1.0, "regression": {"signals": [], "weights": []}},
        {"temperature": None, "regression": None},
        [1.0],
    ],
)
def test_a_calibration_of_another_version_is_refused_in_one_sentence(tmp_path: Path, older: object) -> None:
    (tmp_path / "calibration.json").write_text(json.dumps(older))
    with pytest.raises(InputError, match=r"calibration\.json was made by another version of X-Instruction: run the"):
        read_calibration(tmp_path)
