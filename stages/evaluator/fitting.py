"""Fits an evaluator's calibration on rated pairs whose seeds are used neither for training nor for measuring.

Each level has the same total weight. Within a level the defects have their training weights, and a defect of weight 0
is left out. With signals, the fit is a regression, which also scales the label probabilities. Without signals, only a
temperature is fitted, if `temperature_scaling` is on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from stages.evaluator.reliability import level_weight
from x_instruction.rating.calibration import (
    LEVELS,
    MIN_PROBABILITY,
    Calibration,
    Matrix,
    Regression,
    badness,
    features,
    with_temperature,
)
from x_instruction.rating.likelihoods import OTHER_LIKELIHOOD, compared

# With 10 instead of 1, AUC of cut responses from unseen sites fell from 0.89 to 0.87.
INVERSE_REGULARISATION = 1.0
TEMPERATURES = (0.1, 10.0)
MIN_SPREAD = 1e-9
# The likelihood of an instruction given other texts is multiplied by a share and subtracted from its likelihood given
# the pair's response. These shares are tried.
SUBTRACTED = (1.0, 0.75, 0.5, 0.25, 0.0)
# Defects of responses that do not, or only partly, answer their instruction. Likelihoods reveal these defects.
MISFITS = ("swapped", "strays")
DIGITS = 6  # decimals that are kept, because the last bits of a fit differ between machines


def fit_calibration(
    rated: pl.DataFrame, signals: Sequence[str], defects: Mapping[str, float], scaling: bool
) -> Calibration:
    """Fits a calibration to rated pairs.

    `rated` has the label probabilities, the signals, and the true `level` and `defect` of each pair. `defects` are the
    training weights. The calibration leaves the probabilities unchanged if a level has no pair to fit on, or if there
    are no signals and `scaling` is off or does not help.
    """
    weighted = _weighted(rated, defects)
    if set(weighted["level"]) != set(LEVELS):
        return Calibration()
    if not signals:
        return Calibration(fit_temperature(weighted) if scaling else 1.0)
    return Calibration(regression=_fit_regression(weighted, list(signals)))


def _weighted(rated: pl.DataFrame, defects: Mapping[str, float]) -> pl.DataFrame:
    """The pairs of positive weight with their `weight`, whose mean is 1 and whose sum is the same for each level."""
    weight = pl.col("defect").replace_strict({"none": 1.0, **defects}, default=0.0, return_dtype=pl.Float64)
    used = rated.with_columns(weight=weight).filter(pl.col("weight") > 0)
    share = pl.col("weight") / pl.col("weight").sum().over("level")
    return used.with_columns(weight=share * pl.len() / pl.col("level").n_unique())


def _fit_regression(rated: pl.DataFrame, signals: list[str]) -> Regression:
    subtracted = best_subtracted(rated)
    rated = compared(rated, subtracted)
    best = rated.filter(pl.col("level") == "best")
    medians = [float(np.median(_known(best, signal))) for signal in signals]
    limits = [
        max(0.0, float(_known(rated, signal).max()) - median) for signal, median in zip(signals, medians, strict=True)
    ]
    fitted = Regression(signals, _rounded(medians), _rounded(limits), [], [], 0.0)
    values = features(rated, fitted)
    scale = _scale(values)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000)
    model.fit(values / scale, _level_numbers(rated), sample_weight=rated["weight"].to_numpy())
    coefficients = [_rounded(row) for row in model.coef_ / scale]
    intercepts = _rounded(model.intercept_)
    return replace(fitted, coefficients=coefficients, intercepts=intercepts, subtracted=subtracted)


def _known(rated: pl.DataFrame, signal: str) -> Matrix:
    """The badness of the signal where it is not null; a zero if it is null everywhere."""
    return badness(rated[signal].drop_nulls(), signal) if rated[signal].count() else np.zeros(1)


def best_subtracted(rated: pl.DataFrame) -> float:
    """The share of SUBTRACTED with which likelihoods best separate the best pairs from those with a defect of MISFITS.

    The separation is measured by AUC, and the first of equally good shares counts. If there is nothing to compare, the
    result is the first share. The best share depends on the model and the data: with a share of 1 instead of 0, AUC of
    Gemma 3 270M in Finnish rose from 0.66 to 0.94, and AUC in artificial languages, in which all instructions are
    equally likely, fell from 0.999 to 0.955 (docs/experiments.md).
    """
    if OTHER_LIKELIHOOD not in rated.columns:
        return SUBTRACTED[0]
    shown = rated.filter((pl.col("level") == "best") | pl.col("defect").is_in(MISFITS)).drop_nulls("likelihood")
    good = (shown["level"] == "best").to_numpy()
    if good.all() or not good.any():
        return SUBTRACTED[0]
    areas = [round(float(roc_auc_score(good, compared(shown, share)["likelihood"])), DIGITS) for share in SUBTRACTED]
    return SUBTRACTED[areas.index(max(areas))]


def _scale(values: Matrix) -> Matrix:
    """The standard deviation of each feature; 1 for a feature that does not vary.

    Features are divided by it, so that the regularisation does not depend on their units. A feature that varies only in
    its last bits counts as one that does not vary, because the regression fails if such a feature is magnified.
    """
    spread = values.std(axis=0)
    return np.where(spread > MIN_SPREAD, spread, 1.0)


def _rounded(values: Sequence[float] | Matrix) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def fit_temperature(rated: pl.DataFrame) -> float:
    """The temperature with the lowest cross-entropy (Guo et al. 2017), to three decimals; 1 if scaling does not help.

    Whether scaling helps is measured by two-fold cross-validation. All pairs made from a seed are in the same half. The
    result is also 1 if a half lacks a level.
    """
    odd = pl.col("instruction").rank("dense") % 2 == 1
    halves = [rated.filter(odd), rated.filter(~odd)]
    if any(set(half["level"]) != set(LEVELS) for half in halves):
        return 1.0
    before = sum(cross_entropy(half) for half in halves)
    after = sum(
        cross_entropy(with_temperature(half, _best_temperature(other)))
        for half, other in zip(halves, reversed(halves), strict=True)
    )
    return _best_temperature(rated) if after < before else 1.0


def _best_temperature(rated: pl.DataFrame) -> float:
    def cost(log_temperature: float) -> float:
        return cross_entropy(with_temperature(rated, float(np.exp(log_temperature))))

    minimum = minimize_scalar(cost, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-4})
    return round(float(np.exp(minimum.x)), 3)


def cross_entropy(rated: pl.DataFrame) -> float:
    """Mean cross-entropy of the true levels in nats, weighted by the column `weight`.

    Without that column, each level has the same total weight.
    """
    weight = rated["weight"] if "weight" in rated.columns else rated.select(level_weight())["weight"]
    probabilities = rated.select(LEVELS).to_numpy().clip(MIN_PROBABILITY, 1.0)
    levels = range(len(LEVELS))
    return float(log_loss(_level_numbers(rated), probabilities, sample_weight=weight.to_numpy(), labels=levels))


def _level_numbers(rated: pl.DataFrame) -> npt.NDArray[np.int64]:
    """The position of each pair's true level in LEVELS."""
    return rated["level"].replace_strict({level: number for number, level in enumerate(LEVELS)}).to_numpy()
