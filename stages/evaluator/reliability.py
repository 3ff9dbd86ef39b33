"""Measures how reliable the probability of `best` is: 8 of 10 pairs with a probability of 0.8 should be best.

Each level has the same total weight, as in the training set, so the figures do not depend on how many pairs with
defects the held-out set has.
"""

from __future__ import annotations

import polars as pl

BINS = 10


def reliability(rated: pl.DataFrame) -> pl.DataFrame:
    """One row for each bin that has pairs. The bins divide the range of `best` into BINS equal parts.

    `predicted` is the mean of `best`, `best_share` the share of pairs that are best, and `weight` the weight of the
    bin's pairs as a share of the weight of all pairs.
    """
    bins = (pl.col("best") * BINS).floor().clip(0, BINS - 1).cast(pl.Int32)
    return (
        rated.with_columns(level_weight(), bin=bins)
        .group_by("bin")
        .agg(
            predicted=_weighted(pl.col("best")),
            best_share=_weighted(pl.col("level") == "best"),
            weight=pl.col("weight").sum(),
        )
        .with_columns(weight=pl.col("weight") / pl.col("weight").sum())
        .sort("bin")
    )


def expected_calibration_error(rated: pl.DataFrame) -> float:
    """Mean distance of the reliability curve from the diagonal, weighted by `weight` (Guo et al. 2017, eq. 5)."""
    distance = (pl.col("predicted") - pl.col("best_share")).abs() * pl.col("weight")
    return float(reliability(rated).select(distance.sum()).item())


def level_weight() -> pl.Expr:
    return (1 / pl.len().over("level") / pl.col("level").n_unique()).alias("weight")


def _weighted(value: pl.Expr) -> pl.Expr:
    return (value * pl.col("weight")).sum() / pl.col("weight").sum()
