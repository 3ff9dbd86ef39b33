"""Converts texts to arrays of code points, and classifies code points."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.sentences import CLOSERS
from x_instruction.words.compiled import compiled

LETTER, IN_WORD, SPACE, CLOSER = 1, 2, 4, 8
# Zero-width spaces and joiners are parts of words: otherwise, words with joiners would be cut, for example in Hindi.
KINDS = {
    LETTER: r"^\p{L}$",
    IN_WORD: r"^[\p{L}\p{M}\p{N}\u200b-\u200d]$",
    SPACE: r"^[\s\p{Z}\p{Cc}\ufeff]$",
    CLOSER: rf"^[{CLOSERS}]$",
}
# Number of code points in planes 0 and 1 of Unicode. All higher ones count as letters, because most of those in texts
# are Chinese characters.
CODE_POINTS = 0x20000
# The maximum number of code points in one batch of texts. Splitting a batch into words takes about 30 bytes per code
# point.
BATCH = 4_000_000
Points = npt.NDArray[np.uint32]
Starts = npt.NDArray[np.int64]


class Batch(NamedTuple):
    """The code points of several texts, one after another; text i is `points[starts[i]:starts[i + 1]]`."""

    points: Points
    starts: Starts


@cache
def kinds() -> npt.NDArray[np.uint8]:
    """An array of flags (LETTER, IN_WORD, SPACE, CLOSER) for each code point below CODE_POINTS."""
    surrogates = range(0xD800, 0xE000)
    characters = pl.Series(["" if point in surrogates else chr(point) for point in range(CODE_POINTS)])
    flags = np.zeros(CODE_POINTS, np.uint8)
    for flag, pattern in KINDS.items():
        flags |= np.uint8(flag) * characters.str.contains(pattern).to_numpy()
    return flags


@compiled
def kind(flags: npt.NDArray[np.uint8], point: int) -> int:
    """The flags of a code point, which may be above CODE_POINTS."""
    return flags[point] if point < CODE_POINTS else LETTER | IN_WORD


@compiled
def is_digit(point: int) -> bool:
    """Whether the code point is an ASCII or a Thai digit."""
    return 0x30 <= point <= 0x39 or 0x0E50 <= point <= 0x0E59


def batches(texts: pl.Series) -> Iterator[Batch]:
    """Yields the texts in order, in batches of up to BATCH code points. A longer text is a batch by itself."""
    lengths = texts.str.len_chars().to_numpy().astype(np.int64)
    ends, first = np.cumsum(lengths), 0
    while first < len(lengths):
        before = int(ends[first] - lengths[first])
        end = max(int(np.searchsorted(ends, before + BATCH, side="right")), first + 1)
        joined = "".join(texts[first:end].to_list()).encode("utf-32-le")
        starts = np.append(ends[first:end] - lengths[first:end], ends[end - 1]) - before
        yield Batch(np.frombuffer(joined, "<u4"), starts)
        first = end
