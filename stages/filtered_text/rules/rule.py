"""What a rule is: it looks at texts and answers, for each, nothing (keep) or the value that breaks it."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings

# Adds the column `value`: null keeps the text. It may add columns that the artifact carries on.
Rule = Callable[[pl.DataFrame, FilteredText, LanguageSettings], pl.DataFrame]


def broken(condition: pl.Expr, template: str, *values: pl.Expr) -> pl.Expr:
    """The `value` column: the template filled in where the condition holds."""
    return pl.when(condition).then(pl.format(template, *values)).otherwise(None).alias("value")


def percent(share: pl.Expr) -> pl.Expr:
    return (share * 100).round(0).fill_nan(0).cast(pl.Int64)


def tolerated(most: float, settings: FilteredText) -> float:
    """A language's published threshold of repetition, as many times of it as the settings allow."""
    return min(most * settings.repetition_tolerance, 1.0)
