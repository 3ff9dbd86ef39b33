"""The calibration of an evaluator, fitted on rated pairs of seeds that no model learned from and none is measured on.

Levels weigh the same; the defects of a level weigh as they are taught, and those that are not taught are left out.
With signals it is a regression whose coefficients of the labels do what a temperature does; without, a temperature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from stages.evaluator.reliability import level_weight
from x_instruction.rating.calibration import (
    LEAST_PROBABILITY,
    LEVELS,
    Calibration,
    Matrix,
    Weights,
    features,
    with_temperature,
    worse_side,
)

# Weaker regularisation gained on the sample (cut 0.979 at 1 and 0.978 at 10) what it lost on other sites (0.89, 0.87).
INVERSE_REGULARISATION = 1.0
TEMPERATURES = (0.1, 10.0)
LEAST_SPREAD = 1e-9
DIGITS = 6  # as figures: the last bits of a fit are not the same on every machine


def fitted(rated: pl.DataFrame, signals: Sequence[str], defects: Mapping[str, float], scaling: bool) -> Calibration:
    """A calibration for label probabilities as they are in `rated`, with the true `level` and `defect` of each pair.

    Where a level is missing nothing can be fitted, and the probabilities stay as they are.
    """
    weighed = _weighed(rated, defects)
    if set(weighed["level"]) != set(LEVELS):
        return Calibration()
    if not signals:
        return Calibration(fitted_temperature(weighed) if scaling else 1.0)
    return Calibration(weights=_fitted_weights(weighed, list(signals)))


def _weighed(rated: pl.DataFrame, defects: Mapping[str, float]) -> pl.DataFrame:
    """The taught ones with `weight`, 1 on the average; each level has as much of it."""
    weight = pl.col("defect").replace_strict({"none": 1.0, **defects}, default=0.0, return_dtype=pl.Float64)
    taught = rated.with_columns(weight=weight).filter(pl.col("weight") > 0)
    of_level = pl.col("weight") / pl.col("weight").sum().over("level")
    return taught.with_columns(weight=of_level * pl.len() / pl.col("level").n_unique())


def _fitted_weights(rated: pl.DataFrame, signals: list[str]) -> Weights:
    from sklearn.linear_model import LogisticRegression

    best = rated.filter(pl.col("level") == "best")
    usual = [float(np.median(worse_side(best[signal], signal))) for signal in signals]
    most = [
        max(0.0, float(worse_side(rated[signal], signal).max()) - middle)
        for signal, middle in zip(signals, usual, strict=True)
    ]
    unfitted = Weights(signals, _rounded(usual), _rounded(most), [], [])
    values = features(rated, unfitted)
    scale = _scale(values)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000)
    model.fit(values / scale, _numbers(rated), sample_weight=rated["weight"].to_numpy())
    coefficients = [_rounded(row) for row in model.coef_ / scale]
    return Weights(signals, unfitted.usual, unfitted.most, coefficients, _rounded(model.intercept_))


def _scale(values: Matrix) -> Matrix:
    """Standard deviations, so that the regularisation does not depend on units; 1 of what never varies.

    What varies in its last bits alone is not blown up: the regression then stayed where it began.
    """
    spread = values.std(axis=0)
    return np.where(spread > LEAST_SPREAD, spread, 1.0)


def _rounded(values: Sequence[float] | Matrix) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def fitted_temperature(rated: pl.DataFrame) -> float:
    """The temperature of least cross-entropy (Guo et al. 2017), to three digits; 1 where it does not help.

    Whether it helps is asked of pairs it was not fitted on: two halves, each judged with the other's. A half holds
    all that was made of a seed: of six kinds in turn, every second row would be three of them, the best not among.
    """
    odd = pl.col("instruction").rank("dense") % 2 == 1
    halves = [rated.filter(odd), rated.filter(~odd)]
    if any(set(half["level"]) != set(LEVELS) for half in halves):
        return 1.0
    before = sum(cross_entropy(half) for half in halves)
    after = sum(
        cross_entropy(with_temperature(half, _fit(other))) for half, other in zip(halves, reversed(halves), strict=True)
    )
    return _fit(rated) if after < before else 1.0


def _fit(rated: pl.DataFrame) -> float:
    from scipy.optimize import minimize_scalar

    def cost(log_temperature: float) -> float:
        return cross_entropy(with_temperature(rated, float(np.exp(log_temperature))))

    found = minimize_scalar(cost, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-4})
    return round(float(np.exp(found.x)), 3)


def cross_entropy(rated: pl.DataFrame) -> float:
    """Mean cost of the true level in nats, weighted by the column `weight`, else with equal weight for each level."""
    from sklearn.metrics import log_loss

    weight = rated["weight"] if "weight" in rated.columns else rated.select(level_weight())["weight"]
    probabilities = rated.select(LEVELS).to_numpy().clip(LEAST_PROBABILITY, 1.0)
    return float(log_loss(_numbers(rated), probabilities, sample_weight=weight.to_numpy(), labels=range(len(LEVELS))))


def _numbers(rated: pl.DataFrame) -> npt.NDArray[np.int64]:
    """The place of each pair's true level in LEVELS."""
    return rated["level"].replace_strict({level: number for number, level in enumerate(LEVELS)}).to_numpy()
