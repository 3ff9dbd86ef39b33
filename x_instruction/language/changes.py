"""Changes some texts of a series without searching its other texts."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl


def changed_where(found: pl.Series, texts: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Applies `change` to the texts where `found` is true. Returns all texts in their order.

    With `when(found).then(texts)`, polars would also search the other rows: on 786 texts, 51 of them with an @, the
    search for e-mail addresses would take nine times as long.
    """
    found = found.fill_null(False)
    if not found.any():
        return texts
    changed = change(texts.filter(found))
    place = (found.cum_sum().cast(pl.Int64) - 1).clip(0)
    return changed.gather(place).zip_with(found, texts).alias(texts.name)
