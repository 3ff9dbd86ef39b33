"""Vietnamese words as pyvi makes them of syllables, by which FineWeb-2's thresholds were found ("thời gian" is one).

A text is cut at blanks and signs as pyvi cuts it (addresses, numbers and some abbreviations stay whole), then a
conditional random field says of each syllable whether it goes on with the word before it: of the two ways to label
every syllable, the way of the largest sum of weights through the text (Viterbi). All in compiled code.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from x_instruction.words.characters import CODE_POINTS
from x_instruction.words.compiled import compiled
from x_instruction.words.vietnamese_model import load_model
from x_instruction.words.vietnamese_syllables import DIGIT, LOWER, PUNCTUATION, UPPER, WORD, flags, lowered, syllables

# What `_look` answers of a syllable.
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


@compiled
def _slot(keys: Hashes, key: np.uint64) -> np.int64:
    """Where a key stands in a table with open addressing, or the free place where it would; zero marks one."""
    mask = np.uint64(keys.size - 1)
    place = (key ^ (key >> np.uint64(32))) & mask
    while keys[place] != 0 and keys[place] != key:
        place = (place + np.uint64(1)) & mask
    return np.int64(place)


@compiled
def _table(hashes: Hashes) -> tuple[Hashes, Places]:
    size = 2
    while size < 3 * hashes.size:
        size *= 2
    keys, rows = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for row in range(hashes.size):
        slot = _slot(keys, hashes[row])
        keys[slot], rows[slot] = hashes[row], row
    return keys, rows


@compiled
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


@compiled
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


@compiled
def _scores(
    hashes: Hashes, shapes: Places, rows: Places, weights: Weights, flags: Weights, compounds: Hashes
) -> Weights:
    """Of each syllable: the sum of the weights of all that the model sees there, for going on with a word."""
    count = hashes.size
    scores = np.full(count, flags[0])
    for at in range(count):
        capitals, title = (shapes[at] & ALL_UPPER) > 0, (shapes[at] & TITLE) > 0
        scores[at] += flags[1] * capitals + flags[2] * title + flags[3] * ((shapes[at] & ALL_DIGITS) > 0)
        row = rows[at]
        if row >= 0:
            scores[at] += weights[row, 0]
        if at + 1 < count:
            scores[at + 1] += flags[4] * capitals + flags[5] * title + (weights[row, 1] if row >= 0 else 0)
            if _known(compounds, hashes[at], hashes[at + 1], np.uint64(0)):
                scores[at] += flags[10]
                scores[at + 1] += flags[6]
        if at > 0:
            scores[at - 1] += flags[8] * capitals + flags[9] * title + (weights[row, 2] if row >= 0 else 0)
        if at + 2 < count and _known(compounds, hashes[at], hashes[at + 1], hashes[at + 2]):
            scores[at] += flags[11]
            scores[at + 2] += flags[7]
    return scores


@compiled
def _labels(scores: Weights, steps: Weights) -> npt.NDArray[np.bool_]:
    """Of each syllable: whether it goes on with the word before it. `ahead` is by how much that way leads."""
    count = scores.size
    came, labels = np.zeros((count, 2), np.bool_), np.zeros(count, np.bool_)
    ahead = scores[0]
    for at in range(1, count):
        came[at, 0] = ahead + steps[1, 0] > steps[0, 0]
        came[at, 1] = ahead + steps[1, 1] > steps[0, 1]
        ahead = max(ahead + steps[1, 1], steps[0, 1]) - max(ahead + steps[1, 0], steps[0, 0]) + scores[at]
    label = ahead > 0
    for at in range(count - 1, -1, -1):
        labels[at] = label
        label = came[at, 1] if label else came[at, 0]
    return labels


@compiled
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


@compiled
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
        if count == 0:
            ends[start:end] = end
            continue
        hashes, shapes, known = np.zeros(count, np.uint64), np.zeros(count, np.int32), np.zeros(count, np.int32)
        for at in range(count):
            hashes[at], shapes[at] = _look(points, first[at], past[at], marks, lower)
            slot = _slot(keys, hashes[at])
            known[at] = rows[slot] if keys[slot] else -1
        labels = _labels(_scores(hashes, shapes, known, weights, flags, compounds), steps)
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
