"""Writes a document in its language's letters, without what software and copying left in it, and joins its lines."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.cleaning.copy_artifacts import without_copy_artifacts
from stages.filtered_text.cleaning.escapes import without_escapes
from stages.filtered_text.cleaning.font_artifacts import without_font_artifacts
from stages.filtered_text.cleaning.wrapped_lines import joined_lines
from x_instruction.cleaning.markup import without_markup
from x_instruction.language.letters import written
from x_instruction.language.settings import LanguageSettings


def cleaned(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """The frame with `text` cleaned. Letters and signs go first, because all steps look at the ends of sentences.

    Markup goes next, because it would hide credits and lines from later steps.
    """
    texts = without_markup(without_escapes(written(frame["text"], language), language))
    texts = without_copy_artifacts(without_font_artifacts(texts, language), language)
    return frame.with_columns(joined_lines(texts, language).alias("text"))
