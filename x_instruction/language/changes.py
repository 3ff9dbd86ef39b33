"""Changes some texts of a series. polars' replacement of a pattern also visits the rows that are null."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl


def changed_where(found: pl.Series, texts: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The texts; those where `found` is true are what `change` makes of them, in the same order.

    With `when(found).then(texts)` instead, the search for e-mail addresses takes nine times as long on 786 texts of
    which 51 have an @.
    """
    found = found.fill_null(False)
    if not found.any():
        return texts
    changed = change(texts.filter(found))
    place = (found.cum_sum().cast(pl.Int64) - 1).clip(0)
    return changed.gather(place).zip_with(found, texts).alias(texts.name)
