"""How an iteration's evaluator rated a pair: the label probabilities, and the signals with their weights."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from commands.explain.rows import Row
from commands.explain.section import Section, Table, number
from x_instruction.rating.calibration import LEVELS, Calibration, Regression, features, read_calibration
from x_instruction.rating.likelihoods import compared
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import SIGNALS
from x_instruction.runner.published import content_of

WEIGHTS = ["signal", "value", "worse by", "weight", "adds"]


def rating_section(row: Row, rating: Rating, root: Path) -> Section:
    """The rating of one iteration, with a table of its signals.

    The column `worse by` says by how much a signal is worse than the median of the best pairs (0 if it is better);
    `adds` is what the signal adds to the log-odds of best against worst.
    """
    evaluator = root / "data" / "evaluator" / row.iteration
    calibration = read_calibration(evaluator)
    values = row.values
    levels = [f"{level} {values[level]:.4f} × {value:g}" for level, value in zip(LEVELS, rating.values, strict=True)]
    facts = [
        ("rating", f"{values['rating']:.4f} = {' + '.join(levels)}"),
        ("evaluator", content_of(evaluator)[:16]),
        ("calibrated by", _calibrated(calibration)),
    ]
    rows = _weighed(row, calibration.regression) if calibration.regression else _unweighed(row)
    return Section(f"rated_pairs, {row.iteration}", "rated", facts, Table(WEIGHTS, rows))


def _calibrated(calibration: Calibration) -> str:
    if calibration.regression is None:
        return f"a temperature of {calibration.temperature:.3g}; the signals have no weight"
    flawed, worst = LEVELS[1:]
    best_odds, flawed_odds = _towards_best(calibration.regression)[:2]
    weights = f"best:{worst} × {best_odds:.3g}, {flawed}:{worst} × {flawed_odds:.3g}"
    return f"a regression; weights of the labels' log-odds: {weights}"


def _towards_best(regression: Regression) -> list[float]:
    """The weights of the features in the log-odds of best against worst: two log-odds of labels, then the signals."""
    best, _, worst = regression.coefficients
    return [high - low for high, low in zip(best, worst, strict=True)]


def _weighed(row: Row, regression: Regression) -> list[list[str]]:
    frame = pl.DataFrame([row.values])
    values = compared(frame, regression.subtracted).row(0, named=True)
    # The first two features, the log-odds of labels, are left out: a row has only the calibrated probabilities.
    distances, weights = features(frame, regression)[0, 2:], _towards_best(regression)[2:]
    return [
        [name, number(values[name]), number(distance), number(weight), number(weight * distance)]
        for name, distance, weight in zip(regression.signals, distances, weights, strict=True)
    ]


def _unweighed(row: Row) -> list[list[str]]:
    return [[name, number(row.values[name]), "–", "–", "–"] for name in SIGNALS if name in row.values]
