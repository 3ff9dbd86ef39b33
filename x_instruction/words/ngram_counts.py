"""Counts repeated n-grams of words in one compiled pass (Gopher, arXiv 2112.11446, table A1).

An n-gram can occur twice only if both (n-1)-grams in it do. So once the pairs are counted, only places with a repeated
(n-1)-gram are examined. In running text, a fifth of the pairs and a fiftieth of the triples are repeated.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.settings import LanguageSettings
from x_instruction.words.compiled import compiled
from x_instruction.words.hashing import GOLDEN, slot_of, table_size
from x_instruction.words.split_words import IS_WORD, Tokens, split

TOP, DUPLICATE = range(2, 5), range(5, 11)
NAMES = [*(f"top_{n}" for n in TOP), *(f"duplicate_{n}" for n in DUPLICATE)]
SCHEMA = pl.Struct(dict.fromkeys(NAMES, pl.Int64))
Counts = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Lengths = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]


def with_ngram_counts(frame: pl.DataFrame, punctuation_counts: bool, language: LanguageSettings) -> pl.DataFrame:
    """Adds the column `ngram_counts`, a struct of counts of characters, unless the frame has it.

    `top_N` counts the characters of all occurrences of the most frequent N-gram; it is 0 if no N-gram occurs twice.
    `duplicate_N` counts the characters of N-grams that occurred before, each character once. Punctuation is left out
    unless `punctuation_counts` is true, because the line below a table's head (`|-----|`) is not a phrase.
    """
    if "ngram_counts" in frame.columns:
        return frame
    table = np.zeros((frame.height, len(NAMES)), np.int64)
    first = 0
    for batch in split(frame["text"], language):
        tokens = batch if punctuation_counts else _words_only(batch)
        past = first + tokens.starts.size - 1
        table[first:past] = _repeated(tokens.hashes, tokens.lengths, tokens.starts)
        first = past
    return frame.with_columns(pl.DataFrame(table, schema=NAMES).to_struct("ngram_counts").cast(SCHEMA))


def _words_only(tokens: Tokens) -> Tokens:
    words = (tokens.kinds & IS_WORD) > 0
    before = np.concatenate([[0], np.cumsum(words)])
    return Tokens(tokens.hashes[words], tokens.lengths[words], tokens.kinds[words], before[tokens.starts])


def ngram_share(counted: str, n: int) -> pl.Expr:
    """One of the counts (`top` or `duplicate`) divided by the number of the text's characters."""
    return pl.col("ngram_counts").struct.field(f"{counted}_{n}") / pl.col("text").str.len_chars()


@compiled
def _repeated(hashes: Hashes, lengths: Lengths, starts: Places) -> Counts:
    rows = np.zeros((starts.size - 1, 9), np.int64)
    longest = 0
    for text in range(starts.size - 1):
        longest = max(longest, starts[text + 1] - starts[text])
    size = table_size(longest)
    keys, counts, slots = np.zeros(size, np.uint64), np.zeros(size, np.int32), np.zeros(longest, np.int64)
    places, grams = np.zeros(longest + 1, np.int64), np.zeros(longest + 1, np.uint64)
    for text in range(starts.size - 1):
        first, end = starts[text], starts[text + 1]
        left = end - first
        for at in range(left):
            places[at], grams[at] = first + at, hashes[first + at]
        for n in range(2, 11):
            left = _grow(n, left, end, places, grams, hashes)
            if left < 2 or not _count(left, grams, keys, counts, slots):
                break
            if n < 5:
                rows[text, n - 2] = _top(n, left, places, lengths, counts, slots)
            else:
                rows[text, n - 2] = _duplicate(n, left, places, lengths, keys, counts, slots)
            left = _only_repeated(left, places, grams, counts, slots)
    return rows


@compiled
def _grow(n: int, left: int, end: int, places: Places, grams: Hashes, hashes: Hashes) -> int:
    """Extends each (n-1)-gram that is followed by another one to an n-gram, in place. Returns the number of n-grams."""
    kept = 0
    for at in range(left):
        place = places[at]
        followed = n == 2 or (at + 1 < left and places[at + 1] == place + 1)
        if followed and place + n <= end:
            places[kept] = place
            grams[kept] = (grams[at] * GOLDEN + hashes[place + n - 1]) | np.uint64(1)
            kept += 1
    return kept


@compiled
def _count(left: int, grams: Hashes, keys: Hashes, counts: Lengths, slots: Places) -> bool:
    """Counts each n-gram in the hash table, and writes down its slot. Returns whether any n-gram occurs twice."""
    size = table_size(left)
    keys[:size], counts[:size] = 0, 0
    repeated = False
    for at in range(left):
        slot = slot_of(keys, size, grams[at])
        keys[slot] = grams[at]
        counts[slot] += 1
        slots[at] = slot
        repeated |= counts[slot] > 1
    return repeated


@compiled
def _top(n: int, left: int, places: Places, lengths: Lengths, counts: Lengths, slots: Places) -> int:
    """Number of characters in all occurrences of the most frequent n-gram; of the first one if there is a tie."""
    top = 0
    for at in range(left):
        if counts[slots[at]] > counts[slots[top]]:
            top = at
    return counts[slots[top]] * (lengths[places[top] : places[top] + n].sum() + n - 1)


@compiled
def _duplicate(
    n: int, left: int, places: Places, lengths: Lengths, keys: Hashes, counts: Lengths, slots: Places
) -> int:
    """Number of characters in n-grams that occurred before. The key 0 marks a repeated n-gram as seen."""
    characters, covered = 0, places[0]
    for at in range(left):
        slot, place = slots[at], places[at]
        if counts[slot] > 1 and place >= covered:
            if keys[slot] == 0:
                characters += lengths[place : place + n].sum()
                covered = place + n
            keys[slot] = 0  # marks the n-gram as seen
    return characters


@compiled
def _only_repeated(left: int, places: Places, grams: Hashes, counts: Lengths, slots: Places) -> int:
    """Keeps only the n-grams that occur more than once, in place. Returns the number of n-grams that are left."""
    kept = 0
    for at in range(left):
        if counts[slots[at]] > 1:
            places[kept], grams[kept] = places[at], grams[at]
            kept += 1
    return kept
