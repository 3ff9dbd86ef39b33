"""Rules on the words of a text: their number, length and kind."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, percent
from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.line_counts import lines_counted, with_line_counts
from x_instruction.words.word_counts import with_word_counts, words_counted


def too_short(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts of fewer than `min_words` words (ours)."""
    words, limit = pl.col("words"), settings.min_words
    return frame.with_columns(broken(words < limit, f"{{}} words < {limit}", words))


def too_long(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts of more than `max_words` words that could not be cut into segments (ours)."""
    words, limit = pl.col("words"), settings.max_words
    return frame.with_columns(broken(words > limit, f"{{}} words > {limit}", words))


def bad_word_lengths(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts whose mean word length is outside the language's range (Gopher; FineWeb-2's ranges).

    Punctuation on its own is not a word here.
    """
    low, high = language.min_mean_word_length, language.max_mean_word_length
    mean = words_counted("word_characters") / words_counted("words")
    return with_word_counts(frame, language).with_columns(
        broken(~mean.is_between(low, high), f"{{}} characters per word, not {low:g} to {high:g}", mean.round(1))
    )


def few_alphabetic_words(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts in which too few words contain a letter (Gopher; FineWeb-2's thresholds, ours for Thai).

    In FineWeb-2, punctuation on its own counts as a word. Here, it does so only with `punctuation_counts_as_words`.
    """
    total = words_counted("tokens" if settings.punctuation_counts_as_words else "words")
    share, least = words_counted("alphabetic") / total, language.min_alphabetic_words_share
    return with_word_counts(frame, language).with_columns(
        broken(share < least, f"{{}} % of words with a letter < {least:.1%}", percent(share))
    )


def few_stop_words(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts with fewer than `min_stop_words` different stop words of the language (Gopher, A.1.1: 2)."""
    found, least = words_counted("stop_words"), language.min_stop_words
    return with_word_counts(frame, language).with_columns(broken(found < least, f"{{}} stop words < {least}", found))


def many_symbols(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts with too many hash signs or ellipses per word or punctuation mark (Gopher, A.1.1: 0.1)."""
    share = pl.max_horizontal(lines_counted("hashes"), lines_counted("ellipses")) / words_counted("tokens")
    limit = settings.max_symbols_per_word
    counted = with_word_counts(with_line_counts(frame, settings.punctuation_counts_as_words, language), language)
    return counted.with_columns(
        broken(share > limit, f"{{}} hash signs or ellipses per word > {limit}", share.round(2))
    )
