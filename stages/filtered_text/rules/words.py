"""Rules on the words of a text.

[words] Length in words, mean word length, and the share of words that hold a letter.

[stop_words] Running text holds some of its language's commonest words (Gopher, arXiv 2112.11446, A.1.1: two of them).

[symbols] Hash signs and ellipses for words (Gopher, arXiv 2112.11446, A.1.1: 0.1 of either).
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, percent
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.line_counts import line_fact, with_line_facts
from x_instruction.words.word_counts import with_word_facts, word_fact


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


def few_stop_words(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    met, least = word_fact("stop_words"), language.min_stop_words
    return with_word_facts(frame, language).with_columns(broken(met < least, f"{{}} stop words < {least}", met))


def many_symbols(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share = pl.max_horizontal(line_fact("hashes"), line_fact("ellipses")) / word_fact("all")
    most = settings.max_symbols_per_word
    return with_word_facts(with_line_facts(frame, settings.lone_signs_count), language).with_columns(
        broken(share > most, f"{{}} hash signs or ellipses a word > {most}", share.round(2))
    )
