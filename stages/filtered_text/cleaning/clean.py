"""Cleans a document: corrects its letters, removes what software and copying left in it, and joins wrapped lines."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from stages.filtered_text.cleaning.copy_artifacts import without_copy_artifacts
from stages.filtered_text.cleaning.escapes import without_escapes
from stages.filtered_text.cleaning.font_artifacts import without_font_artifacts
from stages.filtered_text.cleaning.wrapped_lines import joined_lines
from x_instruction.cleaning.markup import without_markup
from x_instruction.language.invisible import hidden_characters, visible
from x_instruction.language.letters import written
from x_instruction.language.settings import LanguageSettings

# Invisible characters are removed and letters are corrected first, because otherwise later steps would miss some
# sentence ends. Markup is removed before credits and wrapped lines are looked for, because it would hide them.
STEPS: dict[str, Callable[[pl.Series, LanguageSettings], pl.Series]] = {
    "invisible_characters": lambda texts, _: visible(texts),
    "letters": written,
    "escapes": without_escapes,
    "markup": lambda texts, _: without_markup(texts),
    "font_artifacts": without_font_artifacts,
    "copy_artifacts": without_copy_artifacts,
    "wrapped_lines": joined_lines,
}


def cleaned(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """The frame with `text` cleaned, step by step. Adds `invisible_characters`: how many were removed."""
    first, *others = STEPS.values()
    texts = first(frame["text"], language)
    hidden = hidden_characters(frame["text"], texts).alias("invisible_characters")
    for step in others:
        texts = step(texts, language)
    return frame.with_columns(texts.alias("text"), hidden)
