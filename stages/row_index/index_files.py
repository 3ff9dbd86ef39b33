"""Writes and reads an index, which finds the rows of an id by a binary search in an array on disk.

keys.u64    ids as 64-bit numbers, ascending; little endian
places.u64  for each key: in the upper 32 bits the number of a file, in the lower 32 bits the number of a row in it
files.json  the paths of the files, and the content hash of each folder of rows that was indexed

An id is the first 16 hex digits of a hash (x_instruction/runner/content_ids.py), so a 64-bit number holds the whole id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.runner.content_ids import LENGTH
from x_instruction.runner.disk_arrays import append
from x_instruction.runner.files import read_json, write_json

KEYS, PLACES, FILES = "keys.u64", "places.u64", "files.json"
NUMBER = np.dtype("<u8")
ROW_BITS = 32
# Entries are divided into buckets by the first bits of the key, and only one bucket is in memory at a time. With 100
# million entries, a bucket has 25 MB.
BUCKET_BITS = 6
Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True, order=True)
class Place:
    """A row of a Parquet file; `file` is its path, relative to the project's folder."""

    file: str
    row: int


def numbers_of(ids: pl.Series) -> Numbers:
    """Ids as numbers. Raises polars' ComputeError for an id that is not hexadecimal."""
    return ids.str.to_integer(base=16, dtype=pl.UInt64).to_numpy().astype(NUMBER)


def divide(folder: Path, entries: Numbers) -> None:
    """Appends entries to the files of their buckets in `folder`. The first column of `entries` has the ids."""
    folder.mkdir(exist_ok=True)
    buckets = entries[:, 0] >> np.uint64(64 - BUCKET_BITS)
    for bucket in np.unique(buckets):
        append(folder / f"{bucket:03d}", entries[buckets == bucket])


@dataclass
class IndexWriter:
    """Collects entries in `scratch`, then writes the index to `folder`."""

    folder: Path
    scratch: Path
    files: dict[str, int] = field(default_factory=dict)
    entries: int = 0

    def add(self, file: str, ids: pl.Series, rows: Numbers | None = None) -> None:
        """Adds rows of a file under `ids`. `rows` has their numbers; without it, they are numbered from 0."""
        number = self.files.setdefault(file, len(self.files))
        numbers = np.arange(len(ids), dtype=NUMBER) if rows is None else rows.astype(NUMBER)
        places = (np.uint64(number) << np.uint64(ROW_BITS)) | numbers
        divide(self.scratch, np.column_stack([numbers_of(ids), places]))
        self.entries += len(ids)

    def finish(self, contents: Mapping[str, str | None]) -> None:
        """Writes the index. `contents` has the content hash of each folder of rows that was indexed, by its path."""
        for name in (KEYS, PLACES):
            (self.folder / name).touch()
        for bucket in sorted(self.scratch.glob("*")):
            entries = np.fromfile(bucket, NUMBER).reshape(-1, 2)
            entries = entries[np.lexsort((entries[:, 1], entries[:, 0]))]
            append(self.folder / KEYS, entries[:, 0])
            append(self.folder / PLACES, entries[:, 1])
        write_json(self.folder / FILES, {"files": list(self.files), "contents": dict(contents)})


class RowIndex:
    """Reads the index in `folder`."""

    def __init__(self, folder: Path) -> None:
        described: dict[str, Any] = read_json(folder / FILES, ours=True)
        self.files: list[str] = described["files"]
        self.contents: dict[str, str | None] = described["contents"]
        self._keys, self._places = (_mapped(folder / name) for name in (KEYS, PLACES))

    def places(self, row_id: str) -> list[Place]:
        """The rows of an id, in the order of the files; empty if there are none."""
        key = NUMBER.type(int(row_id, 16))
        first, last = (int(np.searchsorted(self._keys, key, side)) for side in ("left", "right"))
        places = np.unique(self._places[first:last])
        return [Place(self.files[int(place) >> ROW_BITS], int(place) & (2**ROW_BITS - 1)) for place in places]


def is_id(text: str) -> bool:
    return len(text) == LENGTH and set(text) <= set("0123456789abcdef")


def contents_now(root: Path, partitions: Iterable[str]) -> dict[str, str | None]:
    """The present content hash of each of these folders, by its path; None for a folder without a hash."""
    return {folder: _content(root / folder / "manifest.json") for folder in partitions}


def _content(manifest: Path) -> str | None:
    """The content hash in a manifest; None if the manifest is missing or has no hash.

    If the hash differs from the one in the index, the folder has changed since it was indexed.
    """
    value = read_json(manifest) if manifest.exists() else None
    return value.get("content") if isinstance(value, dict) else None


def _mapped(path: Path) -> Numbers:
    return np.memmap(path, NUMBER, "r") if path.stat().st_size else np.zeros(0, NUMBER)
