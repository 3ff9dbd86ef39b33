"""Thai words: the fewest dictionary words that a run of Thai can be cut into, as newmm of PyThaiNLP does it.

PyThaiNLP's dictionary (62,000 words, CC0), walked in compiled code. Words end only between character clusters: a
vowel sign or tone mark stays with its consonant, a leading vowel with the one that follows. Where no path of
dictionary words leads on, the clusters up to the next one are an unknown word.
"""

from __future__ import annotations

from functools import cache

import numba
import numpy as np
import numpy.typing as npt

THAI_FIRST, THAI_LAST = 0x0E00, 0x0E7F
UNKNOWN = 1000


@cache
def trie() -> npt.NDArray[np.int32]:
    """A hash table of steps: rows (node * 128 + character - THAI_FIRST, next node * 2 + 1 if a word ends there)."""
    from pythainlp.corpus import thai_words  # half a second, which only Thai pays

    usable = [word for word in sorted(thai_words()) if word and all("\u0e01" <= one <= "\u0e5b" for one in word)]
    points = np.frombuffer("".join(usable).encode("utf-32-le"), "<u4")
    ends = np.cumsum([len(word) for word in usable])
    return np.asarray(_trie(points, ends))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _place(table: npt.NDArray[np.int32], key: int) -> np.int64:
    """Row of the step in the table, or of the free one where it would stand."""
    mask = table.shape[0] - 1
    place = ((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) & np.uint64(mask)
    while table[place, 0] != 0 and table[place, 0] != key:
        place = (place + np.uint64(1)) & np.uint64(mask)
    return np.int64(place)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _trie(points: npt.NDArray[np.uint32], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    size = 2
    while size < 2 * points.size:
        size *= 2
    table, nodes, start = np.zeros((size, 2), np.int32), 1, 0
    for end in ends:
        node, step = 1, np.int64(0)
        for at in range(start, end):
            key = node * 128 + int(points[at]) - THAI_FIRST
            step = _place(table, key)
            if table[step, 0] == 0:
                nodes += 1
                table[step, 0], table[step, 1] = key, nodes * 2
            node = int(table[step, 1]) >> 1
        table[step, 1] = table[step, 1] | 1
        start = end
    return table


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def is_thai(point: int) -> bool:
    return THAI_FIRST <= point <= THAI_LAST


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _cluster_starts(points: npt.NDArray[np.uint32], place: int, start: int) -> bool:
    """Whether a word may begin at this place of a run."""
    point = points[place]
    follows = 0x0E30 <= point <= 0x0E3A or point == 0x0E45 or 0x0E47 <= point <= 0x0E4E
    if follows:
        return place == start
    return place == start or (not 0x0E40 <= points[place - 1] <= 0x0E44 and points[place - 1] != 0x0E31)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def cut_run(
    points: npt.NDArray[np.uint32],
    start: int,
    end: int,
    table: npt.NDArray[np.int32],
    room: npt.NDArray[np.int32],
) -> int:
    """Fill room[1] with where the word that begins at each place of the run ends; answers where the run ends."""
    stop = start
    while stop < end and is_thai(points[stop]):
        stop += 1
    room[0, stop], room[1, stop], next_start = 0, stop, stop
    for place in range(stop - 1, start - 1, -1):
        if not _cluster_starts(points, place, start):
            room[0, place] = -1
            continue
        cost, past = room[0, next_start] + UNKNOWN, next_start
        node, at = 1, place
        while at < stop:
            step = _place(table, node * 128 + int(points[at]) - THAI_FIRST)
            if table[step, 0] == 0:
                break
            node, at = int(table[step, 1]) >> 1, at + 1
            if table[step, 1] & 1 and room[0, at] >= 0 and room[0, at] + 1 < cost:
                cost, past = room[0, at] + 1, at
        room[0, place], room[1, place], next_start = cost, past, place
    return stop
