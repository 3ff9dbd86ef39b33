"""Seed pairs: an English instruction and a native response, split into train and held-out.

The split goes by a hash of the *instruction*: the same English instruction comes in every language, so a
split by the pair's own id would show a model in one language what it is tested on in another.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl

from stages.errors import InputError
from stages.files import digest
from stages.gate import Metric
from stages.job import Job
from stages.settings import SeedPairs, SeedSource
from stages.shards import Split, shard_frames

COLUMNS = ["id", "instruction_id", "language", "instruction", "response", "split", "translated", "source"]


def run(job: Job) -> None:
    assert job.language is not None
    settings = job.settings.seed_pairs
    # One frame, since a pair may come in two sources.
    seeds = pl.concat([_read(job.root, source, job.language) for source in settings.sources])
    job.map_frames([seeds], partial(transform, settings=settings, language=job.language), settings=["seed_pairs"])


def measure(job: Job) -> dict[str, Metric]:
    table = pl.concat(list(shard_frames(job.staging)))
    rows_in = int(job.facts["rows_in"])
    held_out = table.filter(pl.col("split") == "held_out")
    return {
        "bad_share": 1 - table.height / max(1, rows_in),
        "held_out": held_out.height,
        "train": table.height - held_out.height,
        "distinct_instructions": table["instruction"].n_unique(),
        "wrong_ids": _wrong_ids(table),
    }


def transform(frame: pl.DataFrame, settings: SeedPairs, language: str) -> Split:
    """Rows of `instruction`, `response`, `translated`, `source` to seed pairs; bad rows to drops with a reason."""
    words = pl.col("response").str.split(" ").list.len()
    # Thai writes no spaces between words: about 4.5 characters stand for one (our count on the sample).
    length = words if language != "th" else (pl.col("response").str.len_chars() / 4.5).cast(pl.UInt32)
    frame = frame.with_columns(
        pl.col("instruction", "response").cast(pl.String).fill_null("").str.strip_chars(),
    ).with_columns(
        pl.lit(language).alias("language"),
        length.alias("words"),
        _digest_of("instruction").alias("instruction_id"),
        _digest_of("language_", "instruction", "response", language=language).alias("id"),
    )
    reason = (
        pl.when(pl.col("instruction") == "")
        .then(pl.lit("no_instruction"))
        .when(pl.col("response") == "")
        .then(pl.lit("no_response"))
        .when(pl.col("words") < settings.min_response_words)
        .then(pl.lit("response_too_short"))
        .when(pl.col("response") == pl.col("instruction"))
        .then(pl.lit("response_copies_instruction"))
        .when(~pl.col("id").is_first_distinct())
        .then(pl.lit("exact_duplicate"))
    )
    frame = frame.with_columns(
        reason.alias("reason"),
        pl.format("{} words", "words").alias("value"),
        pl.col("instruction_id")
        .map_elements(lambda hashed: _split(hashed, settings.held_out_share), return_dtype=pl.String)
        .alias("split"),
    )
    return Split.of(frame.select(*COLUMNS, "reason", "value"), text="response", origin="source")


def _digest_of(*columns: str, language: str = "") -> pl.Expr:
    names = [name for name in columns if name != "language_"]
    return pl.struct(names).map_elements(
        lambda row: digest(language, *(row[name] for name in names))[:16], return_dtype=pl.String
    )


def _split(instruction_id: str, held_out_share: float) -> str:
    return "held_out" if int(instruction_id[:8], 16) / 0xFFFFFFFF < held_out_share else "train"


def _wrong_ids(table: pl.DataFrame) -> int:
    rows = table.select("id", "language", "instruction", "response").iter_rows()
    return sum(identifier != digest(*content)[:16] for identifier, *content in rows)


def _read(root: Path, source: SeedSource, language: str) -> pl.DataFrame:
    """Rows of one seed file: JSONL (plain, gz, zst) or Parquet, with `instruction` and `response`."""
    path = root / f"{source.folder}/{language}{source.suffix}"
    if not path.exists():
        raise InputError(f"seed_pairs: {path} is not there; add the file or take {language} out of languages")
    try:
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_ndjson(path, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"seed_pairs: {path} cannot be read: {' '.join(str(error).split())[:200]}") from None
    missing = {"instruction", "response"} - set(frame.columns)
    if missing:
        raise InputError(f"seed_pairs: {path} has no column `{sorted(missing)[0]}`; met {', '.join(frame.columns)}")
    translated = pl.col("translated").cast(pl.Boolean) if "translated" in frame.columns else pl.lit(False)
    return frame.select(
        pl.col("instruction", "response").cast(pl.String),
        translated.fill_null(False).alias("translated"),
        (pl.lit(f"{source.folder}/{language}{source.suffix}#") + pl.int_range(1, pl.len() + 1).cast(pl.String)).alias(
            "source"
        ),
    )
