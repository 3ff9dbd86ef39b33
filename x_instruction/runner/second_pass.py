"""Drops rows that can be judged only among all rows of a partition, such as duplicates, in a second pass.

The first pass writes the shards one by one. The second pass reads a few columns of all shards, decides which rows to
drop, and rewrites the shards that have such rows or temporary columns. A staged shard is a hard link to one in the work
store. The shard in the work store keeps its content, because `write_shard` writes a new file and gives it the name of
the staged shard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from x_instruction.runner.disk_arrays import append, repeated
from x_instruction.runner.job import Job
from x_instruction.runner.shards import DROP_SCHEMA, DROPS, Split, write_shard

Places = npt.NDArray[np.int64]
# The columns of a decision to drop a row: the numbers of the shard and of the row in it, the reason, and the value that
# broke the rule.
DECISION_SCHEMA = {"shard": pl.UInt32, "row": pl.UInt32, "reason": pl.String, "value": pl.String}
# Decisions may also be a function that gets a shard's number and returns a frame of `row`, `reason` and `value`.
Decisions = Callable[[int], pl.DataFrame]
# PLACE is the place of a document in its source. ORIGIN is its web address or, if it has none, its place.
PLACE = pl.format("{}#{}", "source", "record")
ORIGIN = pl.when(pl.col("url") == "").then(PLACE).otherwise("url")


def first_places(shards: list[Path]) -> Places:
    """For each shard, the number of rows in all shards before it; the last element is the number of all rows."""
    heights = [pq.read_metadata(path).num_rows for path in shards]
    return np.concatenate([[0], np.cumsum(heights)]).astype(np.int64)


def staged_repeated(job: Job, key: str, columns: list[str]) -> pl.DataFrame:
    """The staged rows whose key occurs more than once, with the columns `shard`, `row`, the key and `columns`.

    Keys are compared by 64-bit hashes on disk, so that the keys of all rows are never in memory together.
    """
    shards = job.staged.paths()
    with job.scratch() as folder:
        for path in shards:
            append(folder / "keys", pl.read_parquet(path, columns=[key])[key].hash().to_numpy())
        groups = [places for places, _ in repeated(folder / "keys")] if shards else []
    places = np.sort(np.concatenate([np.zeros(0, np.int64), *groups]))
    frames = [
        pl.read_parquet(path, columns=[key, *columns])[rows].select(
            pl.lit(number, pl.UInt32).alias("shard"), pl.Series("row", rows, pl.UInt32), key, *columns
        )
        for number, path, rows in by_shard(shards, places)
    ]
    empty = pl.DataFrame(schema={"shard": pl.UInt32, "row": pl.UInt32})
    return pl.concat(frames) if frames else empty.with_columns(pl.lit(None).alias(name) for name in (key, *columns))


def by_shard(shards: list[Path], places: Places) -> Iterator[tuple[int, Path, Places]]:
    """Divides ascending row numbers, counted across all shards, among the shards that have these rows.

    Yields for each of these shards its number, its path, and the numbers of the rows within the shard.
    """
    begins = first_places(shards)
    for number, path in enumerate(shards):
        first, last = np.searchsorted(places, begins[number : number + 2])
        if first < last:
            yield number, path, places[first:last] - begins[number]


def no_decisions() -> pl.DataFrame:
    return pl.DataFrame(schema={name: DECISION_SCHEMA[name] for name in ("row", "reason", "value")})


def drop_staged(
    job: Job,
    decisions: pl.DataFrame | Decisions,
    *,
    temporary: list[str],
    id_column: str = "id",
    text: str = "text",
) -> None:
    """Moves the rows with a decision to the dropped rows, and removes the `temporary` columns from every shard.

    A dropped row gets its text and its id from the columns that `text` and `id_column` name.
    """
    for number, path in enumerate(job.staged.paths()):
        decided = decisions(number) if callable(decisions) else _of_shard(decisions, number)
        if decided.height or temporary:
            split = _split(pl.read_parquet(path), decided, id_column, text)
            drops = path.parent / DROPS / path.name
            write_shard(pl.concat([pl.read_parquet(drops), split.dropped]), drops)
            write_shard(split.kept.drop(temporary), path)


def _of_shard(decisions: pl.DataFrame, number: int) -> pl.DataFrame:
    return decisions.filter(pl.col("shard") == number).select("row", "reason", "value")


def _split(frame: pl.DataFrame, decided: pl.DataFrame, id_column: str, text: str) -> Split:
    joined = frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")).join(
        decided, on="row", how="left", maintain_order="left"
    )
    split = Split.of(joined.with_columns(origin=ORIGIN), text=text, origin="origin")
    dropped = joined.filter(pl.col("reason").is_not_null())
    # As `id_column`, filtered_text gives the column with the ids of raw_web_text, so that a dropped row can be looked
    # up there.
    return Split(
        split.kept.drop("row", "origin"),
        split.dropped.with_columns(dropped[id_column].alias("id")).select(list(DROP_SCHEMA)),
    )
