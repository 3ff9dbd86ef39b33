"""Repeated n-grams of words, counted in one compiled pass (Gopher, arXiv 2112.11446, table A1).

An n-gram can only be repeated where the n-1-grams in it are, so from pairs on only the places that are left are
looked at: of running text a fifth of the pairs, a fiftieth of the triples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.settings import LanguageSettings
from x_instruction.words.compiled import compiled
from x_instruction.words.split_words import NO_SIGN, Words, words

TOP, DUPLICATE = range(2, 5), range(5, 11)
NAMES = [*(f"top_{n}" for n in TOP), *(f"duplicate_{n}" for n in DUPLICATE)]
SCHEMA = pl.Struct(dict.fromkeys(NAMES, pl.Int64))


def with_ngram_facts(frame: pl.DataFrame, lone_signs_count: bool, language: LanguageSettings) -> pl.DataFrame:
    """Adds the column `ngram_facts`, once: `top_N`, characters of the N-gram that occurs most often, all its times;
    `duplicate_N`, characters of N-grams that occurred before, none counted twice."""
    if "ngram_facts" in frame.columns:
        return frame
    table = np.zeros((frame.height, len(NAMES)), np.int64)
    first = 0
    for batch in words(frame["text"], language):
        if not lone_signs_count:
            batch = _without_signs(batch)
        past = first + batch.starts.size - 1
        table[first:past] = _repeated(batch.hashes, batch.lengths, batch.starts)
        first = past
    return frame.with_columns(pl.DataFrame(table, schema=NAMES).to_struct("ngram_facts").cast(SCHEMA))


def _without_signs(batch: Words) -> Words:
    """The rule of a table (`|-----|`) is no phrase said again and again."""
    told = (batch.kinds & NO_SIGN) > 0
    before = np.concatenate([[0], np.cumsum(told)])
    return Words(batch.hashes[told], batch.lengths[told], batch.kinds[told], before[batch.starts])


def ngram_share(kind: str, n: int) -> pl.Expr:
    """Share of the text's characters."""
    return pl.col("ngram_facts").struct.field(f"{kind}_{n}") / pl.col("text").str.len_chars()


@compiled
def _repeated(
    hashes: npt.NDArray[np.uint64], lengths: npt.NDArray[np.int32], starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    rows = np.zeros((starts.size - 1, 9), np.int64)
    longest = 0
    for text in range(starts.size - 1):
        longest = max(longest, starts[text + 1] - starts[text])
    size = 4
    while size < 2 * longest:
        size *= 2
    keys, counts, slots = np.zeros(size, np.uint64), np.zeros(size, np.int32), np.zeros(longest, np.int32)
    places, grams = np.zeros(longest + 1, np.int64), np.zeros(longest + 1, np.uint64)
    for text in range(starts.size - 1):
        first, end = starts[text], starts[text + 1]
        left = end - first
        for at in range(left):
            places[at], grams[at] = first + at, hashes[first + at]
        for n in range(2, 11):
            left = _grow(n, left, end, places, grams, hashes)
            if left < 2:
                break
            left = _count(n, left, places, grams, lengths, keys, counts, slots, rows[text])
    return rows


@compiled
def _grow(
    n: int,
    left: int,
    end: int,
    places: npt.NDArray[np.int64],
    grams: npt.NDArray[np.uint64],
    hashes: npt.NDArray[np.uint64],
) -> int:
    """Make n-grams of the n-1-grams that are followed by another; their number."""
    kept = 0
    for at in range(left):
        place = places[at]
        followed = n == 2 or (at + 1 < left and places[at + 1] == place + 1)
        if followed and place + n <= end:
            places[kept] = place
            grams[kept] = (grams[at] * np.uint64(0x9E3779B97F4A7C15) + hashes[place + n - 1]) | np.uint64(1)
            kept += 1
    return kept


@compiled
def _count(
    n: int,
    left: int,
    places: npt.NDArray[np.int64],
    grams: npt.NDArray[np.uint64],
    lengths: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int32],
    slots: npt.NDArray[np.int32],
    row: npt.NDArray[np.int64],
) -> int:
    """Count the n-grams into the row; keep the places of those that are repeated, and answer their number."""
    size = 4
    while size < 2 * left:
        size *= 2
    mask = np.uint64(size - 1)
    keys[:size], counts[:size] = 0, 0
    most = 1
    for at in range(left):
        key = grams[at]
        slot = (key ^ (key >> np.uint64(29))) & mask
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        keys[slot] = key
        counts[slot] += 1
        slots[at] = slot
        most = max(most, counts[slot])
    if most < 2:
        return 0
    if n < 5:
        for at in range(left):
            if counts[slots[at]] == most:
                row[n - 2] = most * (lengths[places[at] : places[at] + n].sum() + n - 1)
                break
    kept, covered = 0, places[0]
    for at in range(left):
        slot, place = slots[at], places[at]
        if counts[slot] == 1:
            continue
        if n >= 5 and place >= covered:
            if keys[slot] == 0:
                row[n - 2] += lengths[place : place + n].sum()
                covered = place + n
            # Seen from here on; the key itself is no longer needed.
            keys[slot] = 0
        places[kept], grams[kept] = place, grams[at]
        kept += 1
    return kept
