"""Splits the log-odds of a rating into what each input of the calibration adds to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from x_instruction.rating.calibration import LEVELS, MIN_PROBABILITY, Calibration, Matrix, Regression, features
from x_instruction.rating.likelihoods import compared

# Above this condition number, rounding errors of the stored probabilities could change the third digit of a result.
MAX_CONDITION = 1e10


@dataclass(frozen=True)
class Input:
    """An input of the calibration: a log-odds of labels, the intercept or a signal.

    `adds` is what it adds to the log-odds of best against worst, and to those of flawed against worst. `worse_by` is
    the distance of a signal; `weights` is None if the input has no weight.
    """

    name: str
    adds: tuple[float, float]
    value: float | None = None
    worse_by: float | None = None
    weights: tuple[float, float] | None = None


@dataclass(frozen=True)
class Split:
    """`labels` are the probabilities that the model gave, by level; None if they cannot be recovered."""

    inputs: list[Input]
    labels: dict[str, float] | None

    @property
    def sums(self) -> tuple[float, float]:
        """The log-odds of best and of flawed against worst. The softmax of both and 0 gives the rated probabilities."""
        return _pair(np.sum([part.adds for part in self.inputs], axis=0))


def split(values: dict[str, Any], calibration: Calibration) -> Split:
    """The inputs of a rated row, which has only calibrated probabilities.

    The calibration maps two log-odds of the labels to two calibrated log-odds. Given the signals, this map is linear,
    so the labels' log-odds are the solution of two equations. If the equations have no unique solution, all that the
    labels add is one input.
    """
    weights, others = _weights(calibration), _others(values, calibration.regression)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log([float(values[level]) for level in LEVELS])
        left = logs[:2] - logs[2] - np.sum([part.adds for part in others] or [(0.0, 0.0)], axis=0)
    if not np.isfinite(left).all() or np.linalg.cond(weights) > MAX_CONDITION:
        return Split([Input("labels", _pair(left)), *others], None)
    odds = np.linalg.solve(weights, left)
    names = [f"labels, {level}:{LEVELS[2]}" for level in LEVELS[:2]]
    columns = zip(names, odds, weights.T, strict=True)
    labels = [Input(name, _pair(column * value), float(value), None, _pair(column)) for name, value, column in columns]
    return Split([*labels, *others], dict(zip(LEVELS, _softmax(np.append(odds, 0.0)), strict=True)))


def below_least(labels: dict[str, float]) -> bool:
    """Whether the calibration may have read a smaller probability as MIN_PROBABILITY."""
    return min(labels.values()) < 1.01 * MIN_PROBABILITY


def _weights(calibration: Calibration) -> Matrix:
    """The weights of the labels' log-odds: a row for each calibrated log-odds."""
    if calibration.regression is None:
        return np.eye(2) / calibration.temperature
    return _against_worst(calibration.regression.coefficients)[:, :2]


def _others(values: dict[str, Any], regression: Regression | None) -> list[Input]:
    """The intercept and the signals."""
    if regression is None:
        return []
    frame = pl.DataFrame([values])
    shown = compared(frame, regression.subtracted).row(0, named=True)
    distances, weights = features(frame, regression)[0, 2:], _against_worst(regression.coefficients)[:, 2:].T
    signals = [
        Input(name, _pair(column * distance), shown[name], float(distance), _pair(column))
        for name, distance, column in zip(regression.signals, distances, weights, strict=True)
    ]
    return [Input("intercept", _pair(_against_worst(regression.intercepts))), *signals]


def _against_worst(by_level: list[Any]) -> Matrix:
    """The rows of best and of flawed, minus the row of worst."""
    rows = np.array(by_level, np.float64)
    return np.asarray(rows[:2] - rows[2])


def _softmax(logits: Matrix) -> list[float]:
    shares = np.exp(logits - logits.max())
    return [float(share) for share in shares / shares.sum()]


def _pair(values: Any) -> tuple[float, float]:
    """Two numbers, with 0 instead of -0."""
    first, second = (float(value) + 0.0 for value in values)
    return first, second
