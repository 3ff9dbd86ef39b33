"""A page that was never filled in, or shows only what a browser without scripts shows."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rule import broken
from stages.languages import LanguageSettings
from stages.settings import FilteredText

# Ours, after C4 (arXiv 1910.10683, 2.2), which drops every page that says "lorem ipsum" or holds a curly bracket and
# every line that says "javascript". A text about JavaScript is none: only the notices are looked for.
PLACEHOLDERS = (
    r"(?i)\blorem ipsum\b|\b(?:enable|turn on|activate|requires?|without) javascript\b|\bjavascript (?:is|must be|has "
    r"been) (?:disabled|enabled|required|turned off)\b|\b(?:default web page|under construction|coming soon\.\.\.)"
)


def placeholder(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    met = pl.col("text").str.extract(PLACEHOLDERS, 0)
    notice = pl.col("text").str.len_chars() < settings.max_placeholder_characters
    # A long page that shows the words once is a lesson with an example in it.
    fillers = pl.col("text").str.count_matches(r"(?i)\blorem ipsum\b")
    filled = fillers * settings.max_placeholder_characters > pl.col("text").str.len_chars()
    return frame.with_columns(broken(met.is_not_null() & (notice | filled), "says '{}'", met))
