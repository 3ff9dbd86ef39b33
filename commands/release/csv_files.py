"""CSV files that a spreadsheet opens safely: a cell of a web page must not run as a formula.

A spreadsheet takes a cell for a formula that begins with =, +, - or @, or with a tab or line end before it (OWASP, CSV
injection); some take the full-width forms too. Such text gets an apostrophe before it, which spreadsheets read as "this
is text". Numbers stay numbers.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import polars.selectors as cs

FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"


def safe(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its texts escaped. Columns of lists are left out: a cell holds one value."""
    flat = frame.select(~cs.nested())
    return flat.with_columns(_escaped(name) for name, kind in flat.schema.items() if kind == pl.String)


def _escaped(name: str) -> pl.Expr:
    is_formula = pl.col(name).str.contains(FORMULA)
    return pl.when(is_formula).then(pl.concat_str(pl.lit("'"), name)).otherwise(name).alias(name)


def write_csv(shards: list[Path], target: Path) -> None:
    """One file of all shards, in UTF-8 with the mark by which Excel recognises it; every text is quoted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for number, shard in enumerate(shards):
            safe(pl.read_parquet(shard)).write_csv(
                file, include_bom=not number, include_header=not number, quote_style="non_numeric"
            )
