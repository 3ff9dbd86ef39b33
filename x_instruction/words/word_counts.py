"""Counts of words a text: what the rules on words look at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.settings import LanguageSettings
from x_instruction.words.compiled import compiled
from x_instruction.words.split_words import HAS_LETTER, NO_SIGN, word_hash, words

NAMES = ["all", "no_signs", "characters", "alphabetic", "stop_words"]
SCHEMA = pl.Struct(dict.fromkeys(NAMES, pl.Int64))


def with_word_facts(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """Adds the column `word_facts`, once: all words, those that are no lone sign and their characters, those that
    hold a letter, and how many of the language's stop words occur."""
    if "word_facts" in frame.columns:
        return frame
    known = np.array(sorted(word_hash(word) for word in language.stop_words), np.uint64)
    counts = [_count(*batch, known) for batch in words(frame["text"], language)]
    table = np.concatenate([*counts, np.zeros((0, len(NAMES)), np.int64)])
    return frame.with_columns(pl.DataFrame(table, schema=NAMES).to_struct("word_facts").cast(SCHEMA))


def word_fact(name: str) -> pl.Expr:
    return pl.col("word_facts").struct.field(name)


@compiled
def _count(
    hashes: npt.NDArray[np.uint64],
    lengths: npt.NDArray[np.int32],
    kinds: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    known: npt.NDArray[np.uint64],
) -> npt.NDArray[np.int64]:
    rows = np.zeros((starts.size - 1, 5), np.int64)
    for text in range(starts.size - 1):
        row, met = rows[text], np.zeros(known.size, np.bool_)
        row[0] = starts[text + 1] - starts[text]
        for word in range(starts[text], starts[text + 1]):
            if kinds[word] & NO_SIGN:
                row[1] += 1
                row[2] += lengths[word]
            row[3] += (kinds[word] & HAS_LETTER) > 0
            place = np.searchsorted(known, hashes[word])
            if place < known.size and known[place] == hashes[word]:
                met[place] = True
        row[4] = met.sum()
    return rows
