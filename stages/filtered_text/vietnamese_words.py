"""Vietnamese words as pyvi makes them of syllables, by which FineWeb-2's thresholds were found ("thời gian" is one).

A text is cut at blanks and signs as pyvi cuts it (addresses, numbers and some abbreviations stay whole), then a
conditional random field says of each syllable whether it goes on with the word before it: of the two ways to label
every syllable, the way of the largest sum of weights through the text (Viterbi). All in compiled code.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from stages.filtered_text.characters import CODE_POINTS
from stages.filtered_text.vietnamese_model import load_model
from stages.filtered_text.vietnamese_syllables import DIGIT, LOWER, PUNCTUATION, UPPER, WORD, flags, lowered, syllables

# What `_look` answers of a syllable, in the order of the model's FLAGS.
ALL_UPPER, TITLE, ALL_DIGITS = 1, 2, 4
FNV, PRIME, MIX = np.uint64(14695981039346656037), np.uint64(1099511628211), np.uint64(0x9E3779B97F4A7C15)
Points = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Weights = npt.NDArray[np.float64]


class Tables(NamedTuple):
    """`keys` is a hash table of syllables, with the row of their weights in `rows`; `compounds` one of words."""

    keys: Hashes
    rows: Places
    weights: Weights
    flags: Weights
    steps: Weights
    compounds: Hashes


def word_ends(points: Points, starts: npt.NDArray[np.int64]) -> Places:
    """Of texts points[starts[i]:starts[i + 1]]: for each place where a word begins, where it ends.

    Words follow each other without a gap; a run of blanks is a word unless it lies within one.
    """
    return np.asarray(_join(points, starts, flags(), lowered(), *_tables()))


@cache
def _tables() -> Tables:
    model = load_model()
    names = sorted(model.syllables)
    hashes = np.array([_hash(name) for name in names], np.uint64)
    keys, rows = _table(hashes)
    compounds = [_compound(*(_hash(part) for part in parts)) for parts in model.compounds]
    known, _ = _table(np.array(sorted(set(compounds)), np.uint64))
    weights = np.stack([model.syllables[name] for name in names])
    return Tables(keys, rows, weights, model.flags, model.steps, known)


def _hash(syllable: str) -> int:
    key = int(FNV)
    for character in syllable:
        key = ((key ^ ord(character)) * int(PRIME)) & 0xFFFFFFFFFFFFFFFF
    return key | 1


def _compound(*parts: int) -> int:
    key = 0
    for part in parts:
        key = ((key ^ part) * int(MIX)) & 0xFFFFFFFFFFFFFFFF
        key ^= key >> 29
    return key | 1


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _slot(keys: Hashes, key: np.uint64) -> np.int64:
    """Where a key stands in a table with open addressing, or the free place where it would; zero marks one."""
    mask = np.uint64(keys.size - 1)
    place = (key ^ (key >> np.uint64(32))) & mask
    while keys[place] != 0 and keys[place] != key:
        place = (place + np.uint64(1)) & mask
    return np.int64(place)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _table(hashes: Hashes) -> tuple[Hashes, Places]:
    size = 2
    while size < 3 * hashes.size:
        size *= 2
    keys, rows = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for row in range(hashes.size):
        slot = _slot(keys, hashes[row])
        keys[slot], rows[slot] = hashes[row], row
    return keys, rows


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _look(points: Points, first: int, past: int, marks: npt.NDArray[np.uint16], lower: Points) -> tuple[np.uint64, int]:
    """Hash of a syllable in lower case, and whether it is in capitals, in title case, all digits (as str has it)."""
    key, capitals, small, digits, title, cased, before = FNV, False, False, True, True, False, False
    for place in range(first, past):
        point = points[place]
        mark = marks[point] if point < CODE_POINTS else WORD
        key = (key ^ np.uint64(lower[point] if point < CODE_POINTS else point)) * PRIME
        digits &= (mark & DIGIT) > 0
        if mark & UPPER:
            title &= not before
            capitals = cased = before = True
        elif mark & LOWER:
            title &= before
            small = cased = before = True
        else:
            before = False
    found = (ALL_UPPER if capitals and not small else 0) | (TITLE if title and cased else 0)
    return key | np.uint64(1), found | (ALL_DIGITS if digits else 0)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _known(compounds: Hashes, first: np.uint64, second: np.uint64, third: np.uint64) -> bool:
    """Whether two syllables, or three where the third is not zero, are a word of the list."""
    key = first * MIX
    key = ((key ^ (key >> np.uint64(29))) ^ second) * MIX
    key ^= key >> np.uint64(29)
    if third:
        key = (key ^ third) * MIX
        key ^= key >> np.uint64(29)
    key |= np.uint64(1)
    return compounds[_slot(compounds, key)] == key


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _score(
    at: int,
    count: int,
    looks: tuple[Hashes, Places, Places],
    weights: Weights,
    flags: Weights,
    pairs: npt.NDArray[np.bool_],
    triples: npt.NDArray[np.bool_],
    label: int,
) -> float:
    """Sum of the weights of all that the model sees at a syllable, for a label."""
    _, shapes, rows = looks
    shape = shapes[at]
    score = flags[0, label]
    score += flags[1, label] * ((shape & ALL_UPPER) > 0) + flags[2, label] * ((shape & TITLE) > 0)
    score += flags[3, label] * ((shape & ALL_DIGITS) > 0)
    if rows[at] >= 0:
        score += weights[rows[at], 0, label]
    if at > 0:
        shape = shapes[at - 1]
        score += flags[4, label] * ((shape & ALL_UPPER) > 0) + flags[5, label] * ((shape & TITLE) > 0)
        score += flags[6, label] * pairs[at - 1]
        if rows[at - 1] >= 0:
            score += weights[rows[at - 1], 1, label]
        if at > 1:
            score += flags[7, label] * triples[at - 2]
    if at < count - 1:
        shape = shapes[at + 1]
        score += flags[8, label] * ((shape & ALL_UPPER) > 0) + flags[9, label] * ((shape & TITLE) > 0)
        score += flags[10, label] * pairs[at]
        if rows[at + 1] >= 0:
            score += weights[rows[at + 1], 2, label]
        if at < count - 2:
            score += flags[11, label] * triples[at]
    return score


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _labels(
    count: int,
    looks: tuple[Hashes, Places, Places],
    weights: Weights,
    flags: Weights,
    steps: Weights,
    compounds: Hashes,
) -> npt.NDArray[np.uint8]:
    """Of each of a text's syllables: 1 where it goes on with the word before it."""
    hashes = looks[0]
    pairs, triples = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for at in range(count - 1):
        pairs[at] = _known(compounds, hashes[at], hashes[at + 1], np.uint64(0))
        if at < count - 2:
            triples[at] = _known(compounds, hashes[at], hashes[at + 1], hashes[at + 2])
    came, labels = np.zeros((count, 2), np.uint8), np.zeros(count, np.uint8)
    begins = _score(0, count, looks, weights, flags, pairs, triples, 0)
    goes_on = _score(0, count, looks, weights, flags, pairs, triples, 1)
    for at in range(1, count):
        came[at, 0] = goes_on + steps[1, 0] > begins + steps[0, 0]
        came[at, 1] = goes_on + steps[1, 1] > begins + steps[0, 1]
        to_begin = max(goes_on + steps[1, 0], begins + steps[0, 0])
        to_go_on = max(goes_on + steps[1, 1], begins + steps[0, 1])
        begins = to_begin + _score(at, count, looks, weights, flags, pairs, triples, 0)
        goes_on = to_go_on + _score(at, count, looks, weights, flags, pairs, triples, 1)
    label = goes_on > begins
    for at in range(count - 1, -1, -1):
        labels[at] = label
        label = came[at, int(label)]
    return labels


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _joins(points: Points, first: Places, past: Places, at: int, marks: npt.NDArray[np.uint16]) -> bool:
    """Whether pyvi lets a syllable go on with a word, whatever the model says: no sign or number, no new name."""
    for one in (at - 1, at):
        point = points[first[one]]
        mark = marks[point] if point < CODE_POINTS else 0
        if mark & DIGIT or (mark & PUNCTUATION and past[one] - first[one] == 1):
            return False
    begins, before = points[first[at]], points[first[at - 1]]
    capital = begins < CODE_POINTS and (marks[begins] & UPPER) > 0
    return not capital or (before < CODE_POINTS and (marks[before] & UPPER) > 0)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _join(
    points: Points,
    starts: npt.NDArray[np.int64],
    marks: npt.NDArray[np.uint16],
    lower: Points,
    keys: Hashes,
    rows: Places,
    weights: Weights,
    flags: Weights,
    steps: Weights,
    compounds: Hashes,
) -> Places:
    ends = np.zeros(points.size, np.int32)
    for text in range(starts.size - 1):
        start, end = starts[text], starts[text + 1]
        first, past = syllables(points, start, end, marks)
        count = first.size
        looks = np.zeros(count, np.uint64), np.zeros(count, np.int32), np.zeros(count, np.int32)
        for at in range(count):
            looks[0][at], looks[1][at] = _look(points, first[at], past[at], marks, lower)
            slot = _slot(keys, looks[0][at])
            looks[2][at] = rows[slot] if keys[slot] else -1
        labels = _labels(count, looks, weights, flags, steps, compounds) if count else np.zeros(0, np.uint8)
        place, at = start, 0
        while at < count:
            if place < first[at]:
                ends[place] = first[at]
            word = first[at]
            at += 1
            while at < count and labels[at] and _joins(points, first, past, at, marks):
                at += 1
            ends[word] = place = past[at - 1]
        if place < end:
            ends[place] = end
    return ends
