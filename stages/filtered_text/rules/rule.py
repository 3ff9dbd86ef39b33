"""The interface of a rule, and helpers for writing one."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings

# A rule adds the column `value`: null keeps the text, and anything else says why it is dropped. A rule may also add
# columns that the artifact carries on.
Rule = Callable[[pl.DataFrame, FilteredText, LanguageSettings], pl.DataFrame]


def broken(condition: pl.Expr, template: str, *values: pl.Expr) -> pl.Expr:
    """The column `value`: the template with the values filled in where the condition holds, else null."""
    return pl.when(condition).then(pl.format(template, *values)).otherwise(None).alias("value")


def percent(share: pl.Expr) -> pl.Expr:
    """A share as a whole number of percent."""
    return (share * 100).round(0).fill_nan(0).cast(pl.Int64)


def tolerated(threshold: float, settings: FilteredText) -> float:
    """A language's published threshold of repetition, relaxed by the factor `repetition_tolerance`."""
    return min(threshold * settings.repetition_tolerance, 1.0)
