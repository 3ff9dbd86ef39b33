"""Documents as texts to be read: what is there for software, copying and collecting taken out, lines joined."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.broken_lines import joined_lines
from stages.filtered_text.font_signs import without_font_signs
from stages.filtered_text.left_overs import without_left_overs
from stages.filtered_text.markup import without_markup
from stages.languages import LanguageSettings


def cleaned(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """`text` cleaned. Markup goes first: credits and broken lines are not seen through it."""
    texts = without_font_signs(without_markup(frame["text"]), language)
    texts = joined_lines(without_left_overs(texts, language))
    return frame.with_columns(texts.alias("text"))
