"""Masking of what has a form and a check: text by text, but only those that hold the form at all."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl


def mask_checked(
    texts: pl.Series, form: re.Pattern[str], check: Callable[[str], bool], mark: str
) -> tuple[pl.Series, pl.Series]:
    """The texts with every match of `form` that `check` holds for replaced by `mark`, and how many there were."""
    pairs = [_masked(text, form, check, mark) for text in texts]
    return (
        pl.Series([text for text, _ in pairs], dtype=pl.String),
        pl.Series([count for _, count in pairs], dtype=pl.Int64),
    )


def _masked(text: str, form: re.Pattern[str], check: Callable[[str], bool], mark: str) -> tuple[str, int]:
    count = 0

    def answer(found: re.Match[str]) -> str:
        nonlocal count
        if not check(found.group()):
            return found.group()
        count += 1
        return mark

    return form.sub(answer, text), count
