"""PyThaiNLP's dictionary (62,000 words, CC0) as tables that compiled code walks symbol by symbol."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from x_instruction.words.compiled import compiled

Steps = npt.NDArray[np.int32]
Symbols = npt.NDArray[np.uint8]


class Dictionary(NamedTuple):
    """`steps` is a hash table of rows (node * 128 + symbol, next node * 2 + 1 if a word ends there); `symbols` are
    those of code points, 0 where no word has one."""

    steps: Steps
    symbols: Symbols


@cache
def dictionary() -> Dictionary:
    from pythainlp.corpus import thai_words  # half a second, which only Thai pays

    usable = sorted(word.strip() for word in thai_words() if word.strip())
    characters = sorted(set("".join(usable)))
    symbols = np.zeros(ord(characters[-1]) + 1, np.uint8)
    symbols[[ord(one) for one in characters]] = range(1, len(characters) + 1)
    points = np.frombuffer("".join(usable).encode("utf-32-le"), "<u4")
    ends = np.cumsum([len(word) for word in usable])
    return Dictionary(_steps(symbols[points], ends), symbols)


@compiled
def place_of(steps: Steps, key: int) -> np.int64:
    """Row of the step in the table, or of the free one where it would stand."""
    mask = steps.shape[0] - 1
    place = ((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) & np.uint64(mask)
    while steps[place, 0] != 0 and steps[place, 0] != key:
        place = (place + np.uint64(1)) & np.uint64(mask)
    return np.int64(place)


@compiled
def _steps(symbols: Symbols, ends: npt.NDArray[np.int64]) -> Steps:
    size = 2
    while size < 2 * symbols.size:
        size *= 2
    steps, nodes, start = np.zeros((size, 2), np.int32), 1, 0
    for end in ends:
        node, step = 1, np.int64(0)
        for at in range(start, end):
            key = node * 128 + int(symbols[at])
            step = place_of(steps, key)
            if steps[step, 0] == 0:
                nodes += 1
                steps[step, 0], steps[step, 1] = key, nodes * 2
            node = int(steps[step, 1]) >> 1
        steps[step, 1] = steps[step, 1] | 1
        start = end
    return steps
