"""Too many lines of 30 characters or fewer (FineWeb, arXiv 2406.17557, with 0.67; FineWeb-2 switches it off: 1)."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.line_facts import share_of_lines, with_line_facts
from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def short_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, most = share_of_lines("short_lines", settings), settings.max_short_lines_share
    return with_line_facts(frame, settings).with_columns(
        broken(share > most, f"{{}} % of lines short > {most:.0%}", percent(share))
    )
