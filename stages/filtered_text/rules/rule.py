"""The interface of a rule, and helpers for writing one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import polars as pl

from stages.filtered_text.settings import FilteredText
from x_instruction.language.settings import LanguageSettings

# A rule adds the column `value`: null keeps the text, and anything else says why it is dropped. A rule may also add
# columns of the artifact, and counts for the rules after it.
Rule = Callable[[pl.DataFrame, FilteredText, LanguageSettings], pl.DataFrame]


_SHOWN: ContextVar[bool] = ContextVar("shown", default=False)


@contextmanager
def values_shown() -> Iterator[None]:
    """In this context, rules fill in their values even if they are not broken, to explain how a text is judged."""
    token = _SHOWN.set(True)
    try:
        yield
    finally:
        _SHOWN.reset(token)


def broken(condition: pl.Expr, template: str, *values: pl.Expr) -> pl.Expr:
    """The column `value`: the template with the values filled in if the condition holds, else null."""
    filled = pl.format(template, *values).alias("value")
    return filled if _SHOWN.get() else pl.when(condition).then(filled).otherwise(None).alias("value")


def first_broken(values: list[pl.Expr]) -> pl.Expr:
    """The first of `values` (of the parts of a rule) that is not null; within `values_shown`, all of them."""
    joined = pl.concat_str(values, separator="; ", ignore_nulls=True) if _SHOWN.get() else pl.coalesce(values)
    return joined.alias("value")


def percent(share: pl.Expr) -> pl.Expr:
    """A share as a whole number of percent."""
    return (share * 100).round(0).fill_nan(0).cast(pl.Int64)


def tolerated(threshold: float, settings: FilteredText) -> float:
    """A language's published threshold of repetition, relaxed by the factor `repetition_tolerance`."""
    return min(threshold * settings.repetition_tolerance, 1.0)
