"""Masks numbers that have a given form and pass a check."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

import polars as pl


class Kind(NamedTuple):
    """Numbers of a form for which the check holds. What the form's group `before` matches stays in the text."""

    form: re.Pattern[str]
    check: Callable[[str], bool]


def mask_checked(
    texts: pl.Series, kinds: Iterable[Kind], mark: str, candidate: str | None = None
) -> tuple[pl.Series, pl.Series]:
    """The texts with all such numbers masked, and how many there were in each.

    `candidate` is a pattern of polars that all texts with such a number contain: only those are searched.
    """
    kinds = list(kinds)
    return masked_each(texts, lambda text: _masked(text, kinds, mark), candidate)


def masked_each(
    texts: pl.Series, mask: Callable[[str], tuple[str, int]], candidate: str | None
) -> tuple[pl.Series, pl.Series]:
    """The texts after `mask`, which also counts, if they contain the candidate pattern."""
    searched = texts.str.contains(candidate) if candidate else [True] * len(texts)
    pairs = [mask(text) if search else (text, 0) for text, search in zip(texts, searched, strict=True)]
    return (
        pl.Series([text for text, _ in pairs], dtype=pl.String),
        pl.Series([count for _, count in pairs], dtype=pl.Int64),
    )


def _masked(text: str, kinds: list[Kind], mark: str) -> tuple[str, int]:
    count = 0
    for form, check in kinds:

        def answer(found: re.Match[str], check: Callable[[str], bool] = check) -> str:
            nonlocal count
            if not check(plain(found.group())):
                return found.group()
            count += 1
            return (found.groupdict().get("before") or "") + mark

        text = form.sub(answer, text)
    return text, count


def plain(found: str) -> str:
    """The text with the digits of every script as 0 to 9."""
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in found)
