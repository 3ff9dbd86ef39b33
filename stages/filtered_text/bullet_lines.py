"""A list rather than a text: lines that begin with a bullet or a hyphen (Gopher, arXiv 2112.11446, A.1.1)."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.line_facts import share_of_lines, with_line_facts
from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def bullet_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, most = share_of_lines("bullet_lines", settings), settings.max_bullet_lines_share
    return with_line_facts(frame, settings).with_columns(
        broken(share > most, f"{{}} % of lines bulleted > {most:.0%}", percent(share))
    )
