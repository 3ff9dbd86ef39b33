"""Is a probability of `best` of 0.8 right in 8 of 10 cases? Reliability, its error, and temperature scaling.

The levels weigh the same, as in the training set, however many defects were made of a pair: else the figures
would tell how the held-out set was made.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from stages.calibration import LEAST_PROBABILITY, LEVELS, with_temperature

BINS = 10
TEMPERATURES = (0.1, 10.0)


def reliability(rated: pl.DataFrame) -> pl.DataFrame:
    """By tenths of the probability of `best`: its mean, the share that is best, and the share of all pairs."""
    bins = (pl.col("best") * BINS).floor().clip(0, BINS - 1).cast(pl.Int32)
    return (
        rated.with_columns(_weight(), bin=bins)
        .group_by("bin")
        .agg(
            predicted=_weighted(pl.col("best")),
            best_share=_weighted(pl.col("level") == "best"),
            weight=pl.col("weight").sum(),
        )
        .with_columns(weight=pl.col("weight") / pl.col("weight").sum())
        .sort("bin")
    )


def expected_calibration_error(rated: pl.DataFrame) -> float | None:
    """Mean distance of the reliability curve from the diagonal, by pairs (Guo et al. 2017, eq. 5). None: no pairs."""
    if rated.is_empty():
        return None
    return float(
        reliability(rated).select(((pl.col("predicted") - pl.col("best_share")).abs() * pl.col("weight")).sum()).item()
    )


def cross_entropy(rated: pl.DataFrame) -> float:
    """Mean cost of the true level, in nats, by `weight` where there is one, else the levels weighing the same."""
    probabilities, truth, weight = _arrays(rated)
    return _cost(probabilities, truth, weight)


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

    probabilities, truth, weight = _arrays(rated)
    logarithms = np.log(probabilities)

    def cost(log_temperature: float) -> float:
        scaled = logarithms / np.exp(log_temperature)
        scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return _cost(scaled / scaled.sum(axis=1, keepdims=True), truth, weight)

    found = minimize_scalar(cost, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-4})
    return round(float(np.exp(found.x)), 3)


def _arrays(rated: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities (pairs × levels), index of the true level, weight of each pair; the weights sum to one."""
    probabilities = rated.select(LEVELS).to_numpy().clip(LEAST_PROBABILITY, 1.0)
    truth = rated["level"].replace_strict({level: number for number, level in enumerate(LEVELS)}).to_numpy()
    weight = rated["weight"] if "weight" in rated.columns else rated.select(_weight())["weight"]
    return probabilities, truth, (weight / weight.sum()).to_numpy()


def _cost(probabilities: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    return float(-(np.log(probabilities[np.arange(len(truth)), truth].clip(LEAST_PROBABILITY)) * weight).sum())


def _weight() -> pl.Expr:
    return (1 / pl.len().over("level") / pl.col("level").n_unique()).alias("weight")


def _weighted(value: pl.Expr) -> pl.Expr:
    return (value * pl.col("weight")).sum() / pl.col("weight").sum()
