"""Lists and tables: too many line ends for so few words (FineWeb, arXiv 2406.17557; FineWeb-2's thresholds)."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.line_facts import line_fact, with_line_facts
from stages.filtered_text.rule import broken
from stages.filtered_text.word_facts import with_word_facts, word_fact
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def many_newlines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    # A line of lone signs ("##" between the pages of a picture book) is none, as for the other rules.
    ends = line_fact("newlines") if settings.lone_signs_count else line_fact("lines") - 1
    share, most = ends / word_fact("all"), language.max_newlines_per_word
    return with_word_facts(with_line_facts(frame, settings), language).with_columns(
        broken(share > most, f"{{}} line ends a word > {most}", share.round(2))
    )
