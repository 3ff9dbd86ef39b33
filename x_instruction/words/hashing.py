"""Hashes words, and finds slots in hash tables with open addressing, for compiled code.

The hash is FNV-1a over code points (Fowler, Noll, Vo). A hash or key is never 0, because 0 marks a free slot.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from x_instruction.words.compiled import compiled

OFFSET, PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
# 2**64 divided by the golden ratio. A multiplication by it spreads similar keys over the table (Knuth, TAOCP 3, 6.4).
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
Keys = npt.NDArray[np.uint64]


@compiled
def hash_of(points: npt.NDArray[np.uint32], first: int, end: int) -> np.uint64:
    """Hash of points[first:end]."""
    key = OFFSET
    for place in range(first, end):
        key = (key ^ np.uint64(points[place])) * PRIME
    return key | np.uint64(1)


@compiled
def folded_hash(points: npt.NDArray[np.uint32], first: int, end: int, folds: npt.NDArray[np.uint32]) -> np.uint64:
    """Like `hash_of`, for folded points (x_instruction/language/folding.py), without those that folding leaves out."""
    key = OFFSET
    for place in range(first, end):
        point = folds[points[place]] if points[place] < folds.size else points[place]
        if point:
            key = (key ^ np.uint64(point)) * PRIME
    return key | np.uint64(1)


def word_hash(word: str) -> int:
    """The hash that `hash_of` gives, for a Python string."""
    points = np.frombuffer(word.encode("utf-32-le"), "<u4")
    return int(hash_of(points, 0, points.size))


@compiled
def table_size(keys: int) -> int:
    """The number of slots for this many keys: a power of two, so large that at least half of the slots stay free."""
    size = 4
    while size < 2 * keys:
        size *= 2
    return size


@compiled
def slot_of(table: Keys, size: int, key: np.uint64) -> np.int64:
    """The slot of the key among the first `size` slots, or the free slot where it belongs."""
    mask = np.uint64(size - 1)
    slot = ((key * GOLDEN) >> np.uint64(32)) & mask
    while table[slot] != 0 and table[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)
