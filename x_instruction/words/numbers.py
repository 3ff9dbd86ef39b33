"""Numbers with points, commas or colons between their digits (12:30, 1.234,5), put together where words part them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from x_instruction.words.compiled import compiled

SEPARATORS = (0x2C, 0x2E, 0x3A)


@compiled
def join_numbers(points: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int32]) -> None:
    """Make one word of the words that hold such a number; ends[place] is where the word that begins there ends."""
    for text in range(starts.size - 1):
        word, place, end = starts[text], starts[text], starts[text + 1]
        while place < end:
            first, formatted = place, False
            while place < end and (_is_digit(points[place]) or (place > first and _separates(points, place, end))):
                formatted |= not _is_digit(points[place])
                place += 1
            place = max(place, first + 1)
            if not formatted:
                continue
            while word < first:
                word = ends[word]
            past = word
            while past < place:
                past = ends[past]
            if past > word:
                ends[word] = past
            word = past


@compiled
def _is_digit(point: int) -> bool:
    return 0x30 <= point <= 0x39 or 0x0E50 <= point <= 0x0E59


@compiled
def _separates(points: npt.NDArray[np.uint32], place: int, end: int) -> bool:
    return points[place] in SEPARATORS and place + 1 < end and _is_digit(points[place + 1])
