"""Reads the files of seed pairs: JSON lines (plain, gzip, zstd) or Parquet."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from stages.seed_pairs.seed_lines import COLUMNS, TEXTS, numbered, read_lines
from stages.seed_pairs.settings import SeedSource
from x_instruction.runner.errors import InputError

OF_LINE = ("bad_line", "cause")
OF_TRANSLATION = ("english", "refused", "removed", "returned")
YES = ["true", "1", "1.0", "yes"]


def read_seeds(root: Path, source: SeedSource, language: str) -> pl.DataFrame:
    """Rows of the file that a source has for a language. All columns are texts, except the truth value `measure_only`.

    `origin` is native, translated or english, and `source` names the file and its line, or the row of a Parquet file.
    In a row that is not a seed, `bad_line` has the reason and `cause` what was found. The columns of a translation are
    empty here: `english` (the text that is translated), and `refused`, `removed` and `returned` (see `Returned`).
    Raises InputError for an unusable file.
    """
    name = source.file_name(language)
    frame, lines = _read(root / name)
    _check_columns(frame, root / name)
    return frame.select(
        pl.col(TEXTS).cast(pl.String),
        pl.lit("english").alias("origin") if source.language else _origin(frame),
        _column(frame, "translator"),
        _is_marked(frame, "measure_only"),
        *(pl.lit("").alias(name) for name in OF_TRANSLATION),
        pl.concat_str(pl.lit(f"{name}#"), pl.lit(lines["number"])).alias("source"),
        *lines.select(OF_LINE),
    )


def place() -> pl.Expr:
    """The column `source` in words: "seeds/fi.jsonl, line 3" or "seeds/fi.parquet, row 3"."""
    source = pl.col("source")
    unit = pl.when(source.str.contains(r"\.parquet#\d+$")).then(pl.lit("row")).otherwise(pl.lit("line"))
    return pl.format("{}, {} {}", source.str.replace(r"#\d+$", ""), unit, source.str.extract(r"(\d+)$"))


def _read(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of a file, and a frame of their numbers, `bad_line` and `cause`."""
    if not path.exists():
        raise InputError(
            f"seed_pairs: {path} does not exist; add the file, or remove its source or its language from params.yaml"
        )
    if not path.is_file():  # reading from a pipe would wait without end
        raise InputError(f"seed_pairs: {path} is not a file but a folder, pipe or device: name a file")
    try:
        return _table(path) if path.suffix == ".parquet" else read_lines(path)
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        raise InputError(f"seed_pairs: {path} cannot be read: {' '.join(str(error).split())[:200]}") from None


def _table(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Reads only the columns that seeds have, so that another column of an unsupported type does no harm."""
    names = pq.read_schema(path).names
    table = pl.read_parquet(path, columns=[name for name in names if name in COLUMNS] or None)
    return table, numbered([(number, "", "") for number in range(1, table.height + 1)])


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
