"""The second pass over a partition's staged shards: rows that only the whole of it can judge, as duplicates are.

The first pass writes the shards one by one; the second reads a few columns of all of them, decides, and
rewrites the shards a decision touches. `write_shard` renames a new file over the old name, so the shard in
the work store, which was linked and not copied, stays as it is.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stages.job import Job
from stages.shards import DROP_SCHEMA, Split, write_shard

# A decision: the row's place (`shard`, `row`), why it goes, and the value met.
DECISION_SCHEMA = {"shard": pl.UInt32, "row": pl.UInt32, "reason": pl.String, "value": pl.String}
# Where a document was found: its address, or its place in the source.
ORIGIN = pl.when(pl.col("url") == "").then(pl.format("{}#{}", "source", "record")).otherwise("url")


def staged_shards(job: Job) -> list[Path]:
    return sorted(job.staging.glob("part-*.parquet"))


def staged_columns(job: Job, columns: list[str]) -> pl.DataFrame:
    """The named columns of all staged rows, with each row's place in `shard` and `row`."""
    frames = [
        pl.read_parquet(path, columns=columns).select(
            pl.lit(number, pl.UInt32).alias("shard"), pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"), *columns
        )
        for number, path in enumerate(staged_shards(job))
    ]
    return pl.concat(frames) if frames else pl.DataFrame()


def drop_staged(
    job: Job, decisions: pl.DataFrame, *, temporary: list[str], id_column: str = "id", text: str = "text"
) -> None:
    """Move the decided rows to the drops, and take the `temporary` columns off every shard.

    `text` is the column a drop shows.
    """
    for number, path in enumerate(staged_shards(job)):
        decided = decisions.filter(pl.col("shard") == number).select("row", "reason", "value")
        if decided.height or temporary:
            split = _split(pl.read_parquet(path), decided, id_column, text)
            drops = path.parent / "drops" / path.name
            write_shard(pl.concat([pl.read_parquet(drops), split.dropped]), drops)
            write_shard(split.kept.drop(temporary), path)


def _split(frame: pl.DataFrame, decided: pl.DataFrame, id_column: str, text: str) -> Split:
    joined = frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")).join(
        decided, on="row", how="left", maintain_order="left"
    )
    split = Split.of(joined.with_columns(origin=ORIGIN), text=text, origin="origin")
    gone = joined.filter(pl.col("reason").is_not_null())
    # A drop is named by the id it had in the artifact before, where its row can be looked up.
    return Split(
        split.kept.drop("row", "origin"),
        split.dropped.with_columns(gone[id_column].alias("id")).select(list(DROP_SCHEMA)),
    )
