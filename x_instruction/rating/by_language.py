"""Applies a function to the rows of each language, with the settings of the language."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from x_instruction.language.names import load_names
from x_instruction.language.settings import LanguageSettings, load_language


def by_language(
    frame: pl.DataFrame, pages: Path, work: Callable[[pl.DataFrame, LanguageSettings], pl.DataFrame]
) -> pl.DataFrame:
    """Applies `work` to the rows of each language. Rows keep their order. `pages` is the folder of language pages."""
    numbered = frame.with_row_index("number")
    parts = [work(part, load_language(part["language"][0], pages)) for part in numbered.partition_by("language")]
    if not parts:  # `work` for any language adds the new columns, which an empty frame needs too
        return work(frame, load_language(next(iter(load_names(pages))), pages))
    return pl.concat(parts).sort("number").drop("number")
