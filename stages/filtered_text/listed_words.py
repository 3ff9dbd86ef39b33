"""Words the user lists (adult, spam), too many of them. The project brings none: `filtered_text.listed_words`."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rule import broken
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def listed_words(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Listed words and phrases a word, whatever their case; whole words only, where blanks divide words."""
    listed = settings.listed_words.get(language.code, [])
    if not listed:
        return frame.with_columns(value=pl.lit(None, pl.String))
    # Longest first: of "a" and "a b", the phrase is met. Lower case by (?i) knows no Turkish İ.
    pattern = "|".join(pl.Series(sorted(listed, key=len, reverse=True)).str.escape_regex())
    edge = r"\b" if language.spaces_between_words else ""
    share = pl.col("text").str.count_matches(f"(?i){edge}(?:{pattern}){edge}") / pl.col("words")
    most = settings.max_listed_words_share
    return frame.with_columns(broken(share > most, f"{{}} listed words a word > {most}", share.round(3)))
