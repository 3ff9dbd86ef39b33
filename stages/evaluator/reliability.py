"""Is a probability of `best` of 0.8 right in 8 of 10 cases? Reliability, its error, and temperature scaling.

The levels weigh the same, as in the training set, however many defects were made of a pair: else the figures
would tell how the held-out set was made.
"""

from __future__ import annotations

import polars as pl

BINS = 10


def reliability(rated: pl.DataFrame) -> pl.DataFrame:
    """By tenths of the probability of `best`: its mean, the share that is best, and the share of all pairs."""
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


def expected_calibration_error(rated: pl.DataFrame) -> float | None:
    """Mean distance of the reliability curve from the diagonal, by pairs (Guo et al. 2017, eq. 5). None: no pairs."""
    if rated.is_empty():
        return None
    return float(
        reliability(rated).select(((pl.col("predicted") - pl.col("best_share")).abs() * pl.col("weight")).sum()).item()
    )


def level_weight() -> pl.Expr:
    return (1 / pl.len().over("level") / pl.col("level").n_unique()).alias("weight")


def _weighted(value: pl.Expr) -> pl.Expr:
    return (value * pl.col("weight")).sum() / pl.col("weight").sum()
