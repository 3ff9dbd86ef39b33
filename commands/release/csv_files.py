"""CSV files in which text from web pages cannot run as a formula of a spreadsheet. Numbers stay numbers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import polars.selectors as cs

from x_instruction.runner.formulas import escaped_column


def safe(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its texts escaped and without columns of lists, which do not fit into one cell."""
    flat = frame.select(~cs.nested())
    return flat.with_columns(escaped_column(name) for name, kind in flat.schema.items() if kind == pl.String)


def write_csv(shards: list[Path], target: Path) -> None:
    """Writes all shards into one file, in UTF-8 with the byte order mark that Excel needs; every text is quoted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for number, shard in enumerate(shards):
            safe(pl.read_parquet(shard)).write_csv(
                file, include_bom=not number, include_header=not number, quote_style="non_numeric"
            )
