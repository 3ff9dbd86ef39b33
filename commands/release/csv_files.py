"""CSV files in which text from web pages cannot run as a formula of a spreadsheet.

A spreadsheet may run a cell as a formula if it begins with =, +, -, @, a tab or a line end (OWASP, CSV injection). Some
spreadsheets also accept the full-width forms of these characters. An apostrophe is put before such a cell; it tells a
spreadsheet that the cell is text. Numbers stay numbers.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import polars.selectors as cs

FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"


def safe(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its texts escaped and without columns of lists, which do not fit into one cell."""
    flat = frame.select(~cs.nested())
    return flat.with_columns(_escaped(name) for name, kind in flat.schema.items() if kind == pl.String)


def _escaped(name: str) -> pl.Expr:
    is_formula = pl.col(name).str.contains(FORMULA)
    return pl.when(is_formula).then(pl.concat_str(pl.lit("'"), name)).otherwise(name).alias(name)


def write_csv(shards: list[Path], target: Path) -> None:
    """Writes all shards into one file, in UTF-8 with the byte order mark that Excel needs; every text is quoted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for number, shard in enumerate(shards):
            safe(pl.read_parquet(shard)).write_csv(
                file, include_bom=not number, include_header=not number, quote_style="non_numeric"
            )
