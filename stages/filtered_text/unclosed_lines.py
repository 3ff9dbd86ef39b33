"""Headings, menus, verse: too few lines end as a sentence does (FineWeb, arXiv 2406.17557; FineWeb-2's thresholds).

Text that lost its punctuation too, on however few lines it stands (ours).
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.line_facts import share_of_lines, with_line_facts
from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.sentences import ONLY_STOPS
from stages.settings import FilteredText

# Where a sentence ends, with the marks of Markdown behind it.
SENTENCE_END = rf"[.!?…:][\p{{Pf}}\p{{Pe}}\x22'*_]*(?:\s|$)|[{ONLY_STOPS}]"


def unclosed_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, least = share_of_lines("closed_lines", settings), language.min_closed_lines_share
    if settings.quotes_close_lines:
        share += share_of_lines("quoted_lines", settings)
    value = broken(share < least, f"{{}} % of lines end as a sentence < {least:.1%}", percent(share))
    if settings.max_words_a_sentence and language.spaces_between_words:
        value = pl.coalesce(value, _unpunctuated(settings.max_words_a_sentence))
    return with_line_facts(frame, settings).with_columns(value.alias("value"))


def _unpunctuated(most: int) -> pl.Expr:
    """Too many words for the ends of sentences there are; half as many where there is none."""
    words, ends = pl.col("text").str.count_matches(r"\S+"), pl.col("text").str.count_matches(SENTENCE_END)
    allowed = pl.when(ends == 0).then(most / 2).otherwise(ends * most)
    return broken(words > allowed, f"{{}} words in {{}} sentences > {most} each", words, ends)
