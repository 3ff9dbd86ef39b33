"""Documents as texts to be read: what is there for software, copying and collecting taken out, lines joined."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.cleaning.copy_artifacts import without_left_overs
from stages.filtered_text.cleaning.font_artifacts import without_font_signs
from stages.filtered_text.cleaning.markup import without_markup
from stages.filtered_text.cleaning.wrapped_lines import joined_lines
from x_instruction.language.settings import LanguageSettings


def cleaned(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """`text` cleaned. Markup goes first: credits and broken lines are not seen through it."""
    texts = without_font_signs(without_markup(frame["text"]), language)
    texts = joined_lines(without_left_overs(texts, language))
    return frame.with_columns(texts.alias("text"))
