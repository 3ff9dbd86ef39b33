"""Counts the words of a text without splitting it into tokens."""

from __future__ import annotations

import polars as pl

from x_instruction.language.settings import LanguageSettings

WORD = r"\S*[\p{L}\p{N}]\S*"
WORD_CHARACTER = r"[\p{L}\p{M}\p{N}]"


def word_count(language: LanguageSettings, column: str = "text") -> pl.Expr:
    """Number of words in each text of a column, estimated from its characters if no spaces separate words."""
    text = pl.col(column)
    if language.characters_per_word is None:
        return text.str.count_matches(WORD).cast(pl.Int64)
    return (text.str.count_matches(WORD_CHARACTER) / language.characters_per_word).ceil().cast(pl.Int64)
