"""Rules on repetition: of n-grams of words, and of sentences."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, first_broken, percent, tolerated
from stages.filtered_text.settings import FilteredText
from x_instruction.language.sentences import sentences_or_lines, share_of_rows
from x_instruction.language.settings import LanguageSettings
from x_instruction.words.ngram_counts import ngram_share, with_ngram_counts


def duplicate_ngrams(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts with too many characters in repeated 5- to 10-grams.

    The rule is Gopher's (arXiv 2112.11446, table A1), with FineWeb-2's thresholds times `repetition_tolerance`.
    """
    values = []
    for n, threshold in language.max_duplicate_ngrams_share.items():
        share, limit = ngram_share("duplicate", n), tolerated(threshold, settings)
        values.append(
            broken(share > limit, f"{{}} % of characters in repeated {n}-grams > {limit:.1%}", percent(share))
        )
    counted = with_ngram_counts(frame, settings.punctuation_counts_as_words, language)
    return counted.with_columns(first_broken(values))


def top_ngram(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts with too many characters in their commonest 2-, 3- or 4-gram.

    The rule is Gopher's, with FineWeb-2's thresholds times `repetition_tolerance`.
    """
    values = []
    for n, threshold in language.max_top_ngram_share.items():
        share, limit = ngram_share("top", n), tolerated(threshold, settings)
        values.append(
            broken(share > limit, f"{{}} % of characters in the commonest {n}-gram > {limit:.1%}", percent(share))
        )
    counted = with_ngram_counts(frame, settings.punctuation_counts_as_words, language)
    return counted.with_columns(first_broken(values))


def repetition(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts with too many characters in repeated sentences: Gopher's rule on duplicate lines, by sentence.

    The default threshold is ours.
    """
    share, limit = pl.lit(repeated_share(frame, language)), settings.max_repeated_paragraph_share
    return frame.with_columns(
        broken(share > limit, f"{{}} % of characters in repeated sentences > {limit:.0%}", percent(share))
    )


def repeated_share(frame: pl.DataFrame, language: LanguageSettings) -> pl.Series:
    """For each text, the share of characters in repeats of earlier sentences (or lines: see `sentences_or_lines`)."""
    hit = pl.int_range(pl.len()).over("row", "sentence") > 0
    return share_of_rows(frame, sentences_or_lines(frame, language).with_columns(hit=hit))
