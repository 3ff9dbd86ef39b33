"""Text that says itself again: repeated lines and sentences."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.sentences import sentences_or_lines, share_of_rows
from stages.settings import FilteredText


def repeated_share(frame: pl.DataFrame, language: LanguageSettings) -> pl.Series:
    """Share of each text, by characters, in sentences it said before (Gopher's duplicate lines, by sentence)."""
    hit = pl.int_range(pl.len()).over("row", "sentence") > 0
    return share_of_rows(frame, sentences_or_lines(frame, language).with_columns(hit=hit))


def repetition(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, most = pl.lit(repeated_share(frame, language)), settings.max_repeated_paragraph_share
    return frame.with_columns(broken(share > most, f"{{}} % repeated > {most:.0%}", percent(share)))
