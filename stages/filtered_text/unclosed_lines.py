"""Headings, menus, verse: too few lines end as a sentence does (FineWeb, arXiv 2406.17557; FineWeb-2's thresholds)."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.line_facts import share_of_lines, with_line_facts
from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def unclosed_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, least = share_of_lines("closed_lines", settings), language.min_closed_lines_share
    if settings.quotes_close_lines:
        share += share_of_lines("quoted_lines", settings)
    return with_line_facts(frame, settings).with_columns(
        broken(share < least, f"{{}} % of lines end as a sentence < {least:.1%}", percent(share))
    )
