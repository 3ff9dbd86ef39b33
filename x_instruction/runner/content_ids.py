"""Makes ids from the content of rows: equal content has an equal id, in every run and on every machine."""

from __future__ import annotations

import polars as pl

from x_instruction.runner.files import digest

LENGTH = 16  # hex digits (64 bits); among a billion rows, two rows share an id with a probability of 3 %


def content_ids(frame: pl.DataFrame, *columns: str) -> pl.Series:
    """The values of the column `id`: the first digits of SHA-256 over the columns' values, in this order."""
    rows = frame.select(columns).iter_rows()
    return pl.Series("id", [digest(*row)[:LENGTH] for row in rows], dtype=pl.String)


def wrong_ids(frame: pl.DataFrame, *columns: str) -> int:
    """Number of rows whose `id` does not fit their content."""
    return int((frame["id"] != content_ids(frame, *columns)).sum())
