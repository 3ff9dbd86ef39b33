"""Counts words in each text, for the rules on words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.folding import folded_list
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.compiled import compiled
from x_instruction.words.hashing import word_hash
from x_instruction.words.split_words import HAS_LETTER, IS_WORD, split

NAMES = ["tokens", "words", "word_characters", "alphabetic", "stop_words"]
SCHEMA = pl.Struct(dict.fromkeys(NAMES, pl.Int64))


def with_word_counts(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """Adds the column `word_counts`, a struct with the fields NAMES, unless the frame has it.

    Tokens are words and punctuation marks. `alphabetic` is the number of words with a letter, and `stop_words` the
    number of different stop words of the language in the text.
    """
    if "word_counts" in frame.columns:
        return frame
    known = np.array(sorted(map(word_hash, folded_list(language.stop_words, language))), np.uint64)
    counts = [_count(*batch, known) for batch in split(frame["text"], language, fold=True)]
    table = np.concatenate([*counts, np.zeros((0, len(NAMES)), np.int64)])
    return frame.with_columns(pl.DataFrame(table, schema=NAMES).to_struct("word_counts").cast(SCHEMA))


def words_counted(name: str) -> pl.Expr:
    """One field of `word_counts`."""
    return pl.col("word_counts").struct.field(name)


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
        row, occurs = rows[text], np.zeros(known.size, np.bool_)
        row[0] = starts[text + 1] - starts[text]
        for word in range(starts[text], starts[text + 1]):
            if kinds[word] & IS_WORD:
                row[1] += 1
                row[2] += lengths[word]
            row[3] += (kinds[word] & HAS_LETTER) > 0
            place = np.searchsorted(known, hashes[word])
            if place < known.size and known[place] == hashes[word]:
                occurs[place] = True
        row[4] = occurs.sum()
    return rows
