"""Reads the files of seed pairs: JSON lines (plain, gzip, zstd) or Parquet."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from stages.seed_pairs.settings import SeedSource
from x_instruction.runner.errors import InputError

TEXTS = ("instruction", "response")
COLUMNS = (*TEXTS, "translated", "translator", "measure_only")
OF_TRANSLATION = ("english", "refused", "removed", "returned")
YES = ["true", "1", "1.0", "yes"]


def read_seeds(root: Path, source: SeedSource, language: str) -> pl.DataFrame:
    """Rows of the file that a source has for a language. All columns are texts, except the truth value `measure_only`.

    `origin` is native, translated or english, and `source` names file and row. The columns of a translation are empty
    here: `english` (the text that is translated), and `refused`, `removed` and `returned` (see `Returned`). Raises
    InputError for an unusable file.
    """
    name = source.file_name(language)
    frame = _read(root / name)
    _check_columns(frame, root / name)
    return frame.select(
        pl.col(TEXTS).cast(pl.String),
        pl.lit("english").alias("origin") if source.language else _origin(frame),
        _column(frame, "translator"),
        _is_marked(frame, "measure_only"),
        *(pl.lit("").alias(name) for name in OF_TRANSLATION),
        pl.concat_str(pl.lit(f"{name}#"), pl.int_range(1, pl.len() + 1)).alias("source"),
    )


def _read(path: Path) -> pl.DataFrame:
    if not path.exists():
        raise InputError(
            f"seed_pairs: {path} does not exist; add the file, or remove its source or its language from params.yaml"
        )
    if not path.is_file():  # reading from a pipe would wait without end
        raise InputError(f"seed_pairs: {path} is not a file but a folder, pipe or device: name a file")
    try:
        return _table(path) if path.suffix == ".parquet" else _lines(path)
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        raise InputError(f"seed_pairs: {path} cannot be read: {' '.join(str(error).split())[:200]}") from None


def _table(path: Path) -> pl.DataFrame:
    """Reads only the columns that seeds have, so that another column of an unsupported type does no harm."""
    names = pq.read_schema(path).names
    return pl.read_parquet(path, columns=[name for name in names if name in COLUMNS] or None)


def _lines(path: Path) -> pl.DataFrame:
    """The rows of JSON lines, without blank lines. A bad row becomes an empty one, and a warning names it."""
    lines = pa.input_stream(str(path), compression="detect").read().split(b"\n")
    rows = [_row(line) for line in lines if line.strip()]
    bad = {number: row for number, row in enumerate(rows, start=1) if isinstance(row, str)}
    if len(bad) == len(rows):  # the file is probably of another kind
        cause = bad.get(1, "it is empty")
        raise InputError(f"seed_pairs: {path} has no usable row: {cause}; give JSON Lines in UTF-8")
    for number, cause in bad.items():
        print(f"warning: seed_pairs: row {number} of {path} is dropped: {cause}", file=sys.stderr)
    good = [{} if isinstance(row, str) else row for row in rows]
    return pl.DataFrame(good, schema=dict.fromkeys((name for row in good for name in row), pl.String))


def _row(line: bytes) -> dict[str, str | None] | str:
    """The columns of a line, of which only COLUMNS have values; or why the line is not a seed."""
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return f"not JSON: {' '.join(str(error).split())[:200]}"
    if isinstance(row, dict) and all(isinstance(row.get(name), str | None) for name in TEXTS):
        stated = [name for name in COLUMNS if row.get(name) is not None]
        return dict.fromkeys(map(_storable, row)) | {name: _storable(row[name]) for name in stated}
    return "an object with the texts `instruction` and `response` was expected"


def _storable(value: object) -> str:
    """The value as text, with "?" in place of each lone surrogate, which polars cannot store."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _check_columns(frame: pl.DataFrame, path: Path) -> None:
    for name in TEXTS:
        if name not in frame.columns:
            raise InputError(f"seed_pairs: {path} has no column `{name}`; it has {', '.join(frame.columns)}")
        if isinstance(frame.schema[name], pl.List | pl.Struct | pl.Array):
            raise InputError(f"seed_pairs: column `{name}` of {path} holds {frame.schema[name]}: give one text per row")


def _origin(frame: pl.DataFrame) -> pl.Expr:
    """The column `origin`. The column `translated` of a file marks responses that are already translations."""
    return (
        pl.when(_is_marked(frame, "translated")).then(pl.lit("translated")).otherwise(pl.lit("native")).alias("origin")
    )


def _is_marked(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Whether an optional column of a file says yes."""
    return _column(frame, name).str.to_lowercase().is_in(YES)


def _column(frame: pl.DataFrame, name: str) -> pl.Expr:
    """An optional column of a file as text; "" in rows without a value."""
    values = pl.col(name).cast(pl.String).fill_null("") if name in frame.columns else pl.lit("")
    return values.alias(name)
