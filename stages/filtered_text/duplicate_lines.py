"""Lines said before: their share of the lines (Gopher, arXiv 2112.11446, table A1) and of the characters (FineWeb)."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.line_facts import line_fact, share_of_lines, with_line_facts
from stages.filtered_text.rule import broken, percent, tolerated
from stages.languages import LanguageSettings
from stages.settings import FilteredText


def duplicate_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share = share_of_lines("duplicate_lines", settings)
    most = tolerated(language.max_duplicate_lines_share, settings)
    return with_line_facts(frame, settings).with_columns(
        broken(share > most, f"{{}} % of lines repeated > {most:.1%}", percent(share))
    )


def duplicate_line_characters(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    written = line_fact("characters") - line_fact("newlines")
    share, most = line_fact("duplicate_line_characters") / written, settings.max_duplicate_line_characters_share
    return with_line_facts(frame, settings).with_columns(
        broken(share > most, f"{{}} % of characters in repeated lines > {most:.0%}", percent(share))
    )
