"""Arrays too long to hold: flat files of numbers, appended to, read in pieces, searched for repetitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Numbers read at a time: 32 MB of 64-bit ones. What is held beside them is a few times that.
PIECE = 4_000_000
Array = npt.NDArray[Any]


def append(path: Path, values: Array) -> None:
    with path.open("ab") as file:
        file.write(np.ascontiguousarray(values).tobytes())


def count(path: Path, dtype: npt.DTypeLike) -> int:
    return path.stat().st_size // np.dtype(dtype).itemsize


def pieces(path: Path, dtype: npt.DTypeLike) -> Iterator[tuple[int, Array]]:
    """(place of the first, values) of each piece."""
    size = np.dtype(dtype).itemsize
    for start in range(0, count(path, dtype), PIECE):
        yield start, np.fromfile(path, dtype, PIECE, offset=start * size)


def gather(path: Path, dtype: npt.DTypeLike, places: Array) -> Array:
    """The values at the places, which are in rising order."""
    found = [np.zeros(0, dtype)]
    for start, values in pieces(path, dtype):
        first, last = np.searchsorted(places, [start, start + len(values)])
        found.append(values[places[first:last] - start])
    return np.concatenate(found)


def repeated(keys: Path, among: npt.NDArray[np.bool_] | None = None) -> Iterator[tuple[Array, Array]]:
    """(places, group of each) of the 64-bit keys that occur more than once, among the places marked.

    A piece holds the keys of one remainder, all their places: its groups are whole, numbered from 0, and stand
    one after the other. The file is read once a piece.
    """
    parts = max(-(-count(keys, np.uint64) // PIECE), 1)
    for part in range(parts):
        found, held = [], []
        for start, values in pieces(keys, np.uint64):
            mine = values % np.uint64(parts) == part
            if among is not None:
                mine &= among[start : start + len(values)]
            chosen = np.flatnonzero(mine)
            found.append(chosen + start)
            held.append(values[chosen])
        if found:
            yield _groups(np.concatenate(found), np.concatenate(held))


def _groups(places: Array, keys: Array) -> tuple[Array, Array]:
    order = np.argsort(keys, kind="stable")
    places, keys = places[order], keys[order]
    as_before, member = neighbours(keys)
    return places[member], np.cumsum(~as_before[member]) - 1


def neighbours(keys: Array) -> tuple[Array, Array]:
    """Of sorted keys: is each the same as the one before, and is it the same as one beside it?"""
    as_before = np.zeros(len(keys), np.bool_)
    as_before[1:] = keys[1:] == keys[:-1]
    member = as_before.copy()
    member[:-1] |= as_before[1:]
    return as_before, member
