"""Adult or spam words, too many of them: the user's (`listed_words`) and a free list's (`word_lists`)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from stages.filtered_text.rule import broken
from stages.filtered_text.thai_words import word_ends
from stages.filtered_text.word_lists import listed
from stages.languages import LanguageSettings
from stages.settings import FilteredText

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
