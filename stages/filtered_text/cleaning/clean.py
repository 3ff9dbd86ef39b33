"""Removes what software, copying and collecting have left in a document, and joins wrapped lines."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.cleaning.copy_artifacts import without_copy_artifacts
from stages.filtered_text.cleaning.escapes import without_escapes
from stages.filtered_text.cleaning.font_artifacts import without_font_artifacts
from stages.filtered_text.cleaning.markup import without_markup
from stages.filtered_text.cleaning.wrapped_lines import joined_lines
from x_instruction.language.settings import LanguageSettings


def cleaned(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """The frame with `text` cleaned. Markup goes first, because it would hide credits and lines from later steps."""
    texts = without_markup(without_escapes(frame["text"], language))
    texts = without_copy_artifacts(without_font_artifacts(texts, language), language)
    return frame.with_columns(joined_lines(texts, language).alias("text"))
