"""Texts as code points, and what each code point is: the ground on which lines and words are measured in batches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

LETTER, IN_WORD, SPACE, FULL_STOP, QUOTE = 1, 2, 4, 8, 16
# Joiners belong to the word they stand in: without them Hindi and Tamil conjuncts would fall apart.
KINDS = {
    LETTER: r"^\p{L}$",
    IN_WORD: r"^[\p{L}\p{M}\p{N}\u200b-\u200d]$",
    SPACE: r"^[\s\p{Z}\p{Cc}\ufeff]$",
    FULL_STOP: r"^[\p{Sentence_Terminal}…]$",
    # What may stand behind a full stop.
    QUOTE: r"^[\p{Pf}\p{Pe}\x22']$",
}
# Planes 0 and 1; what lies beyond is Chinese.
CODE_POINTS = 0x20000
# Texts are looked at so many code points at a time: their arrays take about 30 bytes each, at any size of a shard.
BATCH = 4_000_000


class Batch(NamedTuple):
    """Code points of several texts behind one another; text i is points[starts[i]:starts[i + 1]]."""

    points: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]


@cache
def kinds() -> npt.NDArray[np.uint8]:
    """Flags (LETTER, IN_WORD, SPACE, FULL_STOP, QUOTE) of each code point below CODE_POINTS."""
    surrogates = range(0xD800, 0xE000)
    characters = pl.Series(["" if point in surrogates else chr(point) for point in range(CODE_POINTS)])
    flags = np.zeros(CODE_POINTS, np.uint8)
    for flag, pattern in KINDS.items():
        flags |= np.uint8(flag) * characters.str.contains(pattern).to_numpy()
    return flags


def batches(texts: pl.Series) -> Iterator[Batch]:
    """The texts in order, a bounded number of code points at a time, but never less than a text."""
    lengths = texts.str.len_chars().to_numpy().astype(np.int64)
    ends, first = np.cumsum(lengths), 0
    while first < len(lengths):
        before = int(ends[first] - lengths[first])
        past = max(int(np.searchsorted(ends, before + BATCH, side="right")), first + 1)
        joined = "".join(texts[first:past].to_list()).encode("utf-32-le")
        yield Batch(
            np.frombuffer(joined, "<u4"), np.append(ends[first:past] - lengths[first:past], ends[past - 1]) - before
        )
        first = past
