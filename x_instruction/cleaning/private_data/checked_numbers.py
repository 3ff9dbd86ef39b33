"""Masks numbers that have a given form and pass a check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import polars as pl

from x_instruction.cleaning.private_data.plain_digits import plain


class Kind(NamedTuple):
    """Numbers of a form for which the check holds. What the form's group `before` matches stays in the text.

    `unless` is given the text and a number's place, and says whether the words before it make it another number.
    """

    form: re.Pattern[str]
    check: Callable[[str], bool]
    unless: Callable[[str, int], bool] = lambda _, __: False


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


def replaced(text: str, spans: Iterable[tuple[int, int]], mark: str) -> tuple[str, int]:
    """The text with the mark in place of each span, and how many there were.

    If two spans begin at the same place, the longer one counts.
    """
    parts, at, count = [], 0, 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < at:
            continue
        parts += [text[at:start], mark]
        at, count = end, count + 1
    return "".join([*parts, text[at:]]), count


def _masked(text: str, kinds: list[Kind], mark: str) -> tuple[str, int]:
    total = 0
    for kind in kinds:
        text, count = replaced(text, _spans(plain(text), kind), mark)
        total += count
    return text, total


def _spans(text: str, kind: Kind) -> Iterator[tuple[int, int]]:
    for found in kind.form.finditer(text):
        start = found.end("before") if found.groupdict().get("before") else found.start()
        if kind.check(found.group()) and not kind.unless(text, start):
            yield start, found.end()
