"""Writes the data of an artifact's plots to `plots/<name>.csv`.

A file has a column for x, one for y and, if the plot has several lines or colours, the column `series`. DVC draws the
files that dvc.yaml lists, with the templates in .dvc/plots. Dagster draws every file that it finds.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from x_instruction.runner.files import write_atomically

PLOTS = "plots"
RATING_BINS = 20
DIGITS = 4  # enough to draw; the last bits of a sum are not reproducible


def write_plot(folder: Path, name: str, frame: pl.DataFrame) -> None:
    """Writes the frame as `<folder>/plots/<name>.csv`, with floats rounded to four decimals."""
    rounded = frame.with_columns(pl.col(pl.Float64).round(DIGITS))
    write_atomically(folder / PLOTS / f"{name}.csv", rounded.write_csv().encode("utf-8"))


def histogram(frame: pl.DataFrame, by: str) -> pl.DataFrame:
    """A frame with the columns rating (middle of a bin), pairs (number of rows) and series (value of column `by`)."""
    bins = (pl.col("rating") * RATING_BINS).floor().clip(0, RATING_BINS - 1).cast(pl.Int64)
    counted = frame.group_by(bins.alias("bin"), by).len("pairs")
    every = pl.DataFrame({"bin": range(RATING_BINS)}).join(frame.select(pl.col(by).unique().sort()), how="cross")
    return (
        every.join(counted, on=["bin", by], how="left")
        .sort(by, "bin")
        .select(
            ((pl.col("bin") + 0.5) / RATING_BINS).round(DIGITS).alias("rating"), pl.col("pairs").fill_null(0), series=by
        )
    )


def keep_curve(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with the columns rating (0, 0.05, …, 1) and share (of the rows that have at least this rating)."""
    thresholds = [step / RATING_BINS for step in range(RATING_BINS + 1)]
    shares = [frame.filter(pl.col("rating") >= threshold).height / max(1, frame.height) for threshold in thresholds]
    return pl.DataFrame({"rating": thresholds, "share": shares})
