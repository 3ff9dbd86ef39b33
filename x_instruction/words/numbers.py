"""Joins the parts of a number that thai.py cut at full stops, commas or colons (12:30, 1.234,5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from x_instruction.words.characters import Points, Starts, is_digit
from x_instruction.words.compiled import compiled

SEPARATORS = (0x2C, 0x2E, 0x3A)


@compiled
def join_numbers(points: Points, starts: Starts, ends: npt.NDArray[np.int32]) -> None:
    """Joins words that are parts of one number, in place. ends[place] is the end of the word that begins at `place`."""
    for text in range(starts.size - 1):
        word, place, end = starts[text], starts[text], starts[text + 1]
        while place < end:
            first, formatted = place, False
            while place < end and (is_digit(points[place]) or (place > first and _separates(points, place, end))):
                formatted |= not is_digit(points[place])
                place += 1
            place = max(place, first + 1)
            if not formatted:
                continue
            while word < first:
                word = ends[word]
            joined = word
            while joined < place:
                joined = ends[joined]
            if joined > word:
                ends[word] = joined
            word = joined


@compiled
def _separates(points: Points, place: int, end: int) -> bool:
    return points[place] in SEPARATORS and place + 1 < end and is_digit(points[place + 1])
