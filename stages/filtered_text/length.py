"""Length in words, mean word length, and the share of words that hold a letter."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rule import broken, percent
from stages.filtered_text.word_facts import with_word_facts, word_fact
from stages.languages import LanguageSettings
from stages.settings import FilteredText

WORD = r"\S*[\p{L}\p{N}]\S*"
WORD_CHARACTER = r"[\p{L}\p{M}\p{N}]"


def word_count(language: LanguageSettings) -> pl.Expr:
    """Number of words of `text`; where no blank divides them, by the language's characters a word."""
    text = pl.col("text")
    if language.characters_per_word is None:
        return text.str.count_matches(WORD).cast(pl.Int64)
    return (text.str.count_matches(WORD_CHARACTER) / language.characters_per_word).ceil().cast(pl.Int64)


def too_short(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    words = pl.col("words")
    return frame.with_columns(broken(words < settings.min_words, f"{{}} words < {settings.min_words}", words))


def too_long(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    words = pl.col("words")
    return frame.with_columns(broken(words > settings.max_words, f"{{}} words > {settings.max_words}", words))


def bad_word_lengths(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Mean length of words outside the language's range (Gopher; ranges of FineWeb-2). A lone sign is no word."""
    low, high = language.min_mean_word_length, language.max_mean_word_length
    mean = word_fact("characters") / word_fact("no_signs")
    return with_word_facts(frame, language).with_columns(
        broken(~mean.is_between(low, high), f"{{}} characters a word, not {low:g} to {high:g}", mean.round(1))
    )


def few_alphabetic_words(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Share of words that hold a letter, (Gopher; thresholds of FineWeb-2, which counts lone signs as words)."""
    total = word_fact("all" if settings.lone_signs_count else "no_signs")
    share, least = word_fact("alphabetic") / total, language.min_alphabetic_words_share
    return with_word_facts(frame, language).with_columns(
        broken(share < least, f"{{}} % of words alphabetic < {least:.1%}", percent(share))
    )
