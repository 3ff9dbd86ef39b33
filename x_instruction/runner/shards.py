"""Reads and writes a partition (the part of an artifact for one language, for example), a folder of Parquet shards.

<partition>/part-00000.parquet            kept rows
<partition>/__drops__/part-00000.parquet  dropped rows: id, reason, value that broke the rule, origin, text
<partition>/manifest.json                 written last, with every file's checksum; a folder without one is unfinished
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import polars as pl
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from pyarrow import ArrowException

from x_instruction.runner.checksums import FILES, refuse_changed
from x_instruction.runner.errors import DamagedError, InputError
from x_instruction.runner.files import other_version
from x_instruction.runner.published import MANIFEST, read_manifest

# Columns of the dropped rows in every artifact: enough to find a row and to see why it was dropped.
DROP_SCHEMA = {"id": pl.String, "reason": pl.String, "value": pl.String, "origin": pl.String, "text": pl.String}
DROP_TEXT_CHARACTERS = 500
# `datasets.load_dataset` and raw_web_text skip folders with this name, so dropped rows are not read as data.
DROPS = "__drops__"
PART_BYTES = 16_000_000


@dataclass(frozen=True)
class Split:
    """The result of a transform on one shard: kept rows, and dropped rows in DROP_SCHEMA.

    The sums of `counts` over all shards are written to the manifest, so equal input must give equal counts.
    """

    kept: pl.DataFrame
    dropped: pl.DataFrame
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pl.DataFrame, *, text: str = "text", origin: str = "url") -> Split:
        """Keeps the rows whose `reason` is null, and drops the other rows, whose `value` broke the rule `reason`."""
        kept = frame.filter(pl.col("reason").is_null()).drop("reason", "value")
        return cls(kept, drops(frame.filter(pl.col("reason").is_not_null()), text=text, origin=origin))


def drops(frame: pl.DataFrame, *, text: str = "text", origin: str = "url") -> pl.DataFrame:
    """Dropped rows in DROP_SCHEMA. The parameters `text` and `origin` name the columns that become `text` and `origin`.

    A text is cut after DROP_TEXT_CHARACTERS.
    """
    return frame.select(
        pl.col("id").cast(pl.String),
        pl.col("reason").cast(pl.String),
        pl.col("value").cast(pl.String),
        pl.col(origin).cast(pl.String).alias("origin"),
        pl.col(text).cast(pl.String).str.slice(0, DROP_TEXT_CHARACTERS).alias("text"),
    )


class LeadingDrop(NamedTuple):
    """The most frequent reason of dropped rows, and its number of rows. The first of these rows is the example.

    `value` is what broke the rule in the example, and `origin` is its file and record, or its web address.
    """

    reason: str
    rows: int
    value: str
    origin: str

    @property
    def example(self) -> str:
        """The value, and the origin unless the value names its file or address."""
        known = self.origin.partition("#")[0] in self.value  # also if there is no origin
        return self.value if known else f"{self.value} (origin: {self.origin})"


def no_drops() -> pl.DataFrame:
    return pl.DataFrame(schema=DROP_SCHEMA)


@dataclass(frozen=True)
class Partition:
    """The shards in a partition's folder, in order. `finished=False` is for a folder that a stage is still writing."""

    folder: Path
    finished: bool = True

    def paths(self) -> list[Path]:
        """The paths of the shards. If the partition must be finished, raises InputError unless it has all its rows.

        The metric `unaccounted_rows` of the next stage counts only rows that the stage has read. So only this method
        notices if a shard was lost between two stages.
        """
        paths = sorted(self.folder.glob("part-*.parquet"))
        if self.finished:
            self._refuse_unfinished(paths)
        return paths

    def frames(self, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yields the shards one at a time. Raises DamagedError for a shard that has changed since it was published.

        Raises InputError for a shard without one of the columns, because another version of this project made it.
        """
        for path in self.checked_paths():
            try:
                frame = pl.read_parquet(path, columns=columns)
            except pl.exceptions.ColumnNotFoundError:
                raise other_version(path) from None
            yield frame

    def checked_paths(self) -> Iterator[Path]:
        """Yields the paths in order. Compares each file with the manifest right before its path is yielded."""
        paths = self.paths()
        listed = read_manifest(self.folder).get(FILES, {}) if self.finished else {}
        for path in paths:
            refuse_changed(self.folder, listed, [path.name])
            yield path

    def table(self, columns: list[str] | None = None) -> pl.DataFrame:
        """All rows, for work that needs the whole partition."""
        return pl.concat(list(self.frames(columns)))

    def drop_counts(self) -> dict[str, int]:
        """Maps each reason to its number of dropped rows, the most frequent first."""
        drops = self._drops()
        if drops is None:
            return {}
        counted = drops.group_by("reason").len().sort(["len", "reason"], descending=[True, False]).collect()
        return dict(counted.iter_rows())

    def leading_drop(self) -> LeadingDrop | None:
        """The most frequent reason of dropped rows, with an example; None if no row was dropped."""
        counts, drops = self.drop_counts(), self._drops()
        if drops is None or not counts:
            return None
        reason = next(iter(counts))
        value, origin = drops.filter(pl.col("reason") == reason).select("value", "origin").head(1).collect().row(0)
        return LeadingDrop(reason, counts[reason], str(value), origin or "")

    def dropped_frames(self) -> Iterator[pl.DataFrame]:
        """Yields the dropped rows of one shard at a time."""
        for path in sorted((self.folder / DROPS).glob("part-*.parquet")):
            yield pl.read_parquet(path)

    def _drops(self) -> pl.LazyFrame | None:
        paths = sorted((self.folder / DROPS).glob("part-*.parquet"))
        return pl.scan_parquet(paths) if paths else None

    def _refuse_unfinished(self, paths: list[Path]) -> None:
        if not (self.folder / MANIFEST).exists():
            raise InputError(f"{self.folder} is missing or unfinished: run its stage first (`dvc repro`)")
        listed = read_manifest(self.folder).get("rows")
        rows = sum(_rows(path) for path in paths)
        if listed not in (None, rows):
            raise InputError(
                f"{self.folder} has {rows} rows but its manifest lists {listed}: a shard is missing or comes from "
                "another partition; run `dvc checkout` to bring it back, or make it again"
            )


def _rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, ArrowException):
        raise DamagedError(path) from None


def write_shard(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The temporary name is unique, because a worker that outlives its killed parent may still write the same shard.
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    with temporary.open("wb") as file:
        frame.write_parquet(file, compression="zstd", statistics=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def by_parts(frame: pl.DataFrame, transform: Callable[[pl.DataFrame], Split]) -> Split:
    """Applies the transform part by part to a frame whose rows do not depend on each other.

    Parts have about PART_BYTES, because a rule of filtered_text needs several times as much memory as the texts.
    """
    parts = [transform(part) for part in parts_of(frame)] or [transform(frame)]
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.counts)
    return Split(pl.concat([part.kept for part in parts]), pl.concat([part.dropped for part in parts]), dict(counts))


def parts_of(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yields the rows of a frame in parts of about PART_BYTES."""
    return frame.iter_slices(max(int(frame.height * PART_BYTES / max(frame.estimated_size(), 1)), 1))


def in_parts(frames: Iterable[pl.DataFrame], most_rows: int) -> Iterator[pl.DataFrame]:
    """Divides each frame that has more than `most_rows` rows into parts whose sizes differ by at most one row."""
    for frame in frames:
        parts = max(1, math.ceil(frame.height / most_rows))
        starts = [frame.height * number // parts for number in range(parts + 1)]
        yield from (frame.slice(start, end - start) for start, end in pairwise(starts))


def in_slices(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Regroups frames into frames of exactly `rows` rows; the last may be shorter."""
    held: list[pl.DataFrame] = []
    height = 0
    for frame in frames:
        held.append(frame)
        height += frame.height
        while height >= rows:
            joined = pl.concat(held)
            yield joined.head(rows)
            held, height = [joined.slice(rows)], height - rows
    if height:
        yield pl.concat(held)
