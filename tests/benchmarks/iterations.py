"""Tests whether one iteration's evaluator is significantly better than another's on the same held-out pairs.

With a few hundred good pairs, figures are imprecise: in the benchmark planted_world, the rating of one of 230 good
pairs can change AUC by 0.004. The intervals come from a paired bootstrap, which draws seeds with replacement, each
together with all the corrupted responses made from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

CONFIDENCE = 0.95
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:+.4f} and {self.high:+.4f}"


def differences(
    before: pl.DataFrame, after: pl.DataFrame, min_rating: float, resamples: int = 400
) -> dict[str, Interval]:
    """95 % confidence intervals of `after` minus `before`, for auc, precision and recall.

    Both frames are the held_out.parquet of an evaluator, with the same pairs in the same order: each good pair is
    followed by the pairs made from it. Raises ValueError if the pairs differ.
    """
    from scipy.stats import bootstrap

    same = ["instruction", "response", "defect"]
    if not before.select(same).equals(after.select(same)):
        raise ValueError("the two iterations were not measured on the same pairs")
    seed_of = (before["defect"] == "none").cum_sum().to_numpy() - 1
    best = (before["level"] == "best").to_numpy()
    ratings = [frame["rating"].to_numpy() for frame in (before, after)]

    def difference(drawn: npt.NDArray[np.int64]) -> Array:
        weight = np.bincount(drawn, minlength=seed_of[-1] + 1)[seed_of].astype(float)
        old, new = (_figures(rating, best, weight, min_rating) for rating in ratings)
        return new - old

    seeds = np.arange(seed_of[-1] + 1)
    found = bootstrap(
        (seeds,),
        difference,
        n_resamples=resamples,
        confidence_level=CONFIDENCE,
        method="percentile",
        vectorized=False,
        rng=np.random.default_rng(1),
    ).confidence_interval
    names = ("auc", "precision", "recall")
    return {name: Interval(*map(float, ends)) for name, *ends in zip(names, found.low, found.high, strict=True)}


def _figures(rating: Array, best: npt.NDArray[np.bool_], weight: Array, min_rating: float) -> Array:
    from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

    accepted = {"average": "binary", "sample_weight": weight, "zero_division": 0.0}
    precision, recall, _, _ = precision_recall_fscore_support(best, rating >= min_rating, **accepted)
    return np.array([roc_auc_score(best, rating, sample_weight=weight), precision, recall])
