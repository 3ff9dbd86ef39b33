"""The calibration of an evaluator, fitted on rated pairs of seeds that no model learned from and none is measured on.

Levels weigh the same; the defects of a level weigh as they are taught, and those that are not taught are left out.
With signs it is a regression whose coefficients of the labels do what a temperature does; without, a temperature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from stages.calibration import LEVELS, Calibration, Matrix, Weights, features, worse_side
from stages.evaluator.reliability import fitted_temperature

# Weaker regularisation gained on the sample (cut 0.979 at 1 and 0.978 at 10) what it lost on other sites (0.89, 0.87).
INVERSE_REGULARISATION = 1.0
LEAST_SPREAD = 1e-9
DIGITS = 6  # as figures: the last bits of a fit are not the same on every machine


def fitted(rated: pl.DataFrame, signs: Sequence[str], defects: Mapping[str, float], scaling: bool) -> Calibration:
    """A calibration for label probabilities as they are in `rated`, with the true `level` and `defect` of each pair.

    Where a level is missing nothing can be fitted, and the probabilities stay as they are.
    """
    weighed = _weighed(rated, defects)
    if set(weighed["level"]) != set(LEVELS):
        return Calibration()
    if not signs:
        return Calibration(fitted_temperature(weighed) if scaling else 1.0)
    return Calibration(weights=_fitted_weights(weighed, list(signs)))


def _weighed(rated: pl.DataFrame, defects: Mapping[str, float]) -> pl.DataFrame:
    """The taught ones with `weight`, 1 on the average; each level has as much of it."""
    weight = pl.col("defect").replace_strict({"none": 1.0, **defects}, default=0.0, return_dtype=pl.Float64)
    taught = rated.with_columns(weight=weight).filter(pl.col("weight") > 0)
    of_level = pl.col("weight") / pl.col("weight").sum().over("level")
    return taught.with_columns(weight=of_level * pl.len() / pl.col("level").n_unique())


def _fitted_weights(rated: pl.DataFrame, signs: list[str]) -> Weights:
    from sklearn.linear_model import LogisticRegression

    best = rated.filter(pl.col("level") == "best")
    usual = [float(np.median(worse_side(best[sign], sign))) for sign in signs]
    most = [
        max(0.0, float(worse_side(rated[sign], sign).max()) - middle) for sign, middle in zip(signs, usual, strict=True)
    ]
    unfitted = Weights(signs, _rounded(usual), _rounded(most), [], [])
    values = features(rated, unfitted)
    scale = _scale(values)
    levels = rated["level"].replace_strict({level: number for number, level in enumerate(LEVELS)}).to_numpy()
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000)
    model.fit(values / scale, levels, sample_weight=rated["weight"].to_numpy())
    coefficients = [_rounded(row) for row in model.coef_ / scale]
    return Weights(signs, unfitted.usual, unfitted.most, coefficients, _rounded(model.intercept_))


def _scale(values: Matrix) -> Matrix:
    """Standard deviations, so that the regularisation does not depend on units; 1 of what never varies.

    What varies in its last bits alone is not blown up: the regression then stayed where it began.
    """
    spread = values.std(axis=0)
    return np.where(spread > LEAST_SPREAD, spread, 1.0)


def _rounded(values: Sequence[float] | Matrix) -> list[float]:
    return [round(float(value), DIGITS) for value in values]
