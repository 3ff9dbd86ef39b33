"""Computes statistics of a column as plain numbers, for metrics and scores."""

from __future__ import annotations

import polars as pl


def mean(series: pl.Series) -> float:
    """Mean of a numeric or boolean column; 0 for an empty column."""
    return float(series.cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]


def least(series: pl.Series) -> float:
    """Smallest value of a numeric column; 0 for an empty column."""
    return float(series.cast(pl.Float64).min() or 0.0)  # type: ignore[arg-type]


def greatest(series: pl.Series) -> float:
    """Largest value of a numeric column; 0 for an empty column."""
    return float(series.cast(pl.Float64).max() or 0.0)  # type: ignore[arg-type]


def spread(series: pl.Series) -> float:
    """Standard deviation of a numeric column; 0 for fewer than two values."""
    return float(series.cast(pl.Float64).std() or 0.0)  # type: ignore[arg-type]


def counted_median(values: pl.Series, counts: pl.Series) -> float:
    """Median of a column that is too long for memory, given as distinct `values` and their `counts`; 0 if empty."""
    ordered = pl.DataFrame({"value": values, "ends": counts}).sort("value").with_columns(pl.col("ends").cum_sum())
    total = greatest(ordered["ends"])
    middle = [ordered.filter(pl.col("ends") > at)["value"].first() for at in ((total - 1) // 2, total // 2)]
    return mean(pl.Series(middle)) if total else 0.0
