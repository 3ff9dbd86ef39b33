"""Keeps arrays that are too long for memory in flat files, reads them in pieces, and finds repeated values in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# How many numbers are read at a time: 32 MB if they have 64 bits. Work on them needs several times this memory.
PIECE = 4_000_000
Array = npt.NDArray[Any]


def append(path: Path, values: Array) -> None:
    with path.open("ab") as file:
        file.write(np.ascontiguousarray(values).tobytes())


def count(path: Path, dtype: npt.DTypeLike) -> int:
    return path.stat().st_size // np.dtype(dtype).itemsize


def pieces(path: Path, dtype: npt.DTypeLike) -> Iterator[tuple[int, Array]]:
    """Yields the file in pieces: the position of each piece's first value, and the piece's values."""
    size = np.dtype(dtype).itemsize
    for start in range(0, count(path, dtype), PIECE):
        yield start, np.fromfile(path, dtype, PIECE, offset=start * size)


def gather(path: Path, dtype: npt.DTypeLike, places: Array) -> Array:
    """The values at the given positions, which must be in ascending order."""
    parts = [np.zeros(0, dtype)]
    for start, values in pieces(path, dtype):
        first, last = np.searchsorted(places, [start, start + len(values)])
        parts.append(values[places[first:last] - start])
    return np.concatenate(parts)


def repeated(keys: Path, among: npt.NDArray[np.bool_] | None = None) -> Iterator[tuple[Array, Array]]:
    """Yields, in parts, the positions of 64-bit keys that occur more than once, and the group number of each position.

    A group consists of the positions of equal keys. The file is read once for each part. A part has all keys with the
    same remainder after division by the number of parts, so that its groups are complete. In each part, groups are
    numbered from 0, and the positions of a group are adjacent. `among` is true for the positions to look at (by
    default, all).
    """
    parts = max(-(-count(keys, np.uint64) // PIECE), 1)
    for part in range(parts):
        positions, chosen_keys = [], []
        for start, values in pieces(keys, np.uint64):
            selected = values % np.uint64(parts) == part
            if among is not None:
                selected &= among[start : start + len(values)]
            chosen = np.flatnonzero(selected)
            positions.append(chosen + start)
            chosen_keys.append(values[chosen])
        if positions:
            yield _groups(np.concatenate(positions), np.concatenate(chosen_keys))


def _groups(places: Array, keys: Array) -> tuple[Array, Array]:
    order = np.argsort(keys, kind="stable")
    places, keys = places[order], keys[order]
    equals_previous, in_group = neighbours(keys)
    return places[in_group], np.cumsum(~equals_previous[in_group]) - 1


def neighbours(keys: Array) -> tuple[Array, Array]:
    """Two arrays for sorted keys: whether each key equals the one before it, and whether it equals any neighbour."""
    equals_previous = np.zeros(len(keys), np.bool_)
    equals_previous[1:] = keys[1:] == keys[:-1]
    in_group = equals_previous.copy()
    in_group[:-1] |= equals_previous[1:]
    return equals_previous, in_group
