"""Masks numbers that have a given form and pass a check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import polars as pl

from x_instruction.cleaning.private_data.plain_digits import all_plain, plain
from x_instruction.language.changes import changed_where


class Kind(NamedTuple):
    """A kind of private number: it matches `form` and passes `check`. The match of a group `before` is not masked.

    `unless(text, start)` tells whether the words before the place `start` show that the number is of another kind.
    """

    form: re.Pattern[str]
    check: Callable[[str], bool]
    unless: Callable[[str, int], bool] = lambda _, __: False


def mask_checked(texts: pl.Series, kinds: Iterable[Kind], mark: str, candidate: str) -> tuple[pl.Series, pl.Series]:
    """The texts with all numbers of the kinds masked, and the number of masked ones in each text.

    `candidate` is a polars pattern that every text with such a number matches when its digits and signs are in ASCII.
    """
    kinds = list(kinds)
    return masked_each(texts, lambda text, digits: _masked(text, digits, kinds, mark), candidate)


def masked_each(
    texts: pl.Series, mask: Callable[[str, str], tuple[str, int]], candidate: str
) -> tuple[pl.Series, pl.Series]:
    """Applies `mask` to each text that matches `candidate`. Returns all texts and their counts (0 without a match).

    `mask` gets a text, and the same text with its digits and signs in ASCII. It returns the masked text and a count.
    `candidate` is matched only against the text in ASCII.
    """
    plain_texts = all_plain(texts)
    found = plain_texts.str.contains(candidate).fill_null(False)
    pairs = [mask(text, digits) for text, digits in zip(texts.filter(found), plain_texts.filter(found), strict=True)]
    masked = pl.Series([text for text, _ in pairs], dtype=pl.String)
    counts = pl.Series([count for _, count in pairs], dtype=pl.Int64)
    zeros = pl.repeat(0, len(texts), dtype=pl.Int64, eager=True)
    return changed_where(found, texts, lambda _: masked), changed_where(found, zeros, lambda _: counts)


def replaced(text: str, spans: Iterable[tuple[int, int]], mark: str) -> tuple[str, int]:
    """The text with the mark in place of each span, and the number of marks.

    If spans overlap, only the first one is replaced; if they begin at the same place, only the longest.
    """
    parts, at, count = [], 0, 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < at:
            continue
        parts += [text[at:start], mark]
        at, count = end, count + 1
    return "".join([*parts, text[at:]]), count


def _masked(text: str, digits: str, kinds: list[Kind], mark: str) -> tuple[str, int]:
    total = 0
    for kind in kinds:
        text, count = replaced(text, _spans(digits, kind), mark)
        digits = plain(text) if count else digits
        total += count
    return text, total


def _spans(text: str, kind: Kind) -> Iterator[tuple[int, int]]:
    for match in kind.form.finditer(text):
        start = match.end("before") if match.groupdict().get("before") else match.start()
        if kind.check(match.group()) and not kind.unless(text, start):
            yield start, match.end()
