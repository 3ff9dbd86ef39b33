"""Reads the files of seed pairs: JSON lines (plain, gzip, zstd) or Parquet."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stages.seed_pairs.settings import SeedSource
from x_instruction.runner.errors import InputError

TEXTS = ("instruction", "response")
OF_TRANSLATION = ("english", "refused", "removed", "returned")
YES = ["true", "1", "1.0", "yes"]


def read_seeds(root: Path, source: SeedSource, language: str) -> pl.DataFrame:
    """Rows of the file that a source has for a language, as text columns.

    `origin` is native, translated or english, and `source` names file and row. What only a translation has is empty:
    `english`, the text that it is of, and `refused`, `removed` and `returned` (see `returned_text`). Raises InputError
    for an unusable file.
    """
    name = source.file_name(language)
    frame = _read(root / name)
    _check_columns(frame, root / name)
    return frame.select(
        pl.col(TEXTS).cast(pl.String),
        pl.lit("english").alias("origin") if source.language else _origin(frame),
        _column(frame, "translator"),
        *(pl.lit("").alias(name) for name in OF_TRANSLATION),
        pl.concat_str(pl.lit(f"{name}#"), pl.int_range(1, pl.len() + 1)).alias("source"),
    )


def _read(path: Path) -> pl.DataFrame:
    if not path.exists():
        raise InputError(
            f"seed_pairs: {path} does not exist; add the file, or take its source or its language out of params.yaml"
        )
    try:
        return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_ndjson(path, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"seed_pairs: {path} cannot be read: {' '.join(str(error).split())[:200]}") from None


def _check_columns(frame: pl.DataFrame, path: Path) -> None:
    for name in TEXTS:
        if name not in frame.columns:
            raise InputError(f"seed_pairs: {path} has no column `{name}`; it has {', '.join(frame.columns)}")
        if isinstance(frame.schema[name], pl.List | pl.Struct | pl.Array):
            raise InputError(f"seed_pairs: column `{name}` of {path} holds {frame.schema[name]}: give one text per row")


def _origin(frame: pl.DataFrame) -> pl.Expr:
    """A file may have a column `translated`, for responses that were translated elsewhere."""
    translated = _column(frame, "translated").str.to_lowercase().is_in(YES)
    return pl.when(translated).then(pl.lit("translated")).otherwise(pl.lit("native")).alias("origin")


def _column(frame: pl.DataFrame, name: str) -> pl.Expr:
    """An optional column of a file, as text; empty where it has no value."""
    found = pl.col(name).cast(pl.String).fill_null("") if name in frame.columns else pl.lit("")
    return found.alias(name)
