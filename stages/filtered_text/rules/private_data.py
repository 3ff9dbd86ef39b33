"""The rule on private data that the masks did not find."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.settings import FilteredText
from x_instruction.cleaning.private_data.second_look import suspects
from x_instruction.language.settings import LanguageSettings


def private_data(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops masked texts in which a simpler search still finds an address or a number. The rule is ours."""
    found = suspects(frame["text"])
    # Dropped rows are published too, so `value` shows only the form of what was found, and the text is left out.
    shown = found.str.replace_all(r"\d", "9").str.replace_all(r"\p{L}", "x").str.slice(0, 40)
    text = pl.when(pl.lit(found.is_null())).then("text").otherwise(pl.lit(""))
    return frame.with_columns(text.alias("text"), value="looks like private data: " + shown)
