"""Finds the passages of texts that may contain private data, so that only these are searched in detail.

Masking is slow, because it reads a text character by character in Python. Few lines have an address or a number: 600 of
52,310 lines of Finnish web text do. A passage consists of one such line, or several in a row, and of the line before
them, because the words that announce a number may be at the end of that line.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

import polars as pl

from x_instruction.cleaning.private_data.plain_digits import all_plain
from x_instruction.language.changes import changed_where


class Passages:
    """The lines of `texts` that match one of the patterns (polars), with the line before them. A null text has none.

    The patterns are matched against the texts with their digits and signs in ASCII, as the masks read them. No pattern
    may match across the end of a line.
    """

    def __init__(self, texts: pl.Series, patterns: Iterable[str]) -> None:
        self._texts, patterns = texts, list(patterns)
        self._found = _matching(texts, patterns)
        lines = self._numbered().with_columns(pl.col("text").str.split("\n")).explode("text")
        searched, row = _matching(lines["text"], patterns), lines["row"]
        begins = ~searched | (row != row.shift(1)).fill_null(True)
        self._passages = (
            lines.with_columns(passage=begins.cum_sum(), searched=searched)
            .group_by("passage", maintain_order=True)
            .agg(pl.col("row").first(), pl.col("text").str.join("\n"), pl.col("searched").any())
        )
        self._searched = self._passages["searched"]

    @property
    def texts(self) -> pl.Series:
        return self._passages["text"].filter(self._searched)

    def joined(self, passages: pl.Series) -> pl.Series:
        """The whole texts, with `passages` in place of the searched passages."""
        lines = changed_where(self._searched, self._passages["text"], lambda _: passages)
        rows = self._passages.select("row", text=lines).group_by("row", maintain_order=True)
        return changed_where(self._found, self._texts, lambda _: rows.agg(pl.col("text").str.join("\n"))["text"])

    def summed(self, counts: pl.Series) -> pl.Series:
        """Adds up the counts of each text's passages; 0 for a text without passages."""
        found = self._passages.filter(self._searched).select("row", count=counts)
        rows = pl.select(row=pl.int_range(len(self._texts), dtype=pl.UInt32))
        sums = found.group_by("row").agg(pl.col("count").sum())
        return rows.join(sums, on="row", how="left", maintain_order="left")["count"].fill_null(0).cast(pl.Int64)

    def _numbered(self) -> pl.DataFrame:
        return self._texts.alias("text").to_frame().with_row_index("row").filter(self._found)


def _matching(texts: pl.Series, patterns: list[str]) -> pl.Series:
    """Whether each text, with its digits and signs in ASCII, matches one of the patterns; a null does not.

    The patterns are matched one by one, because a single pattern made of all of them takes 5 times as long.
    """
    digits = all_plain(texts)
    return reduce(or_, (digits.str.contains(pattern).fill_null(False) for pattern in patterns))
