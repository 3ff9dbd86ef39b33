"""Teasers rather than a text: lines that end with an ellipsis (Gopher, arXiv 2112.11446, A.1.1), texts with […]."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.line_facts import share_of_lines, with_line_facts
from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.settings import FilteredText

# `render(...)` is a call: a lesson went for five of them, in Bengali and in Indonesian.
CUT_OFF = r"(?:\[|^\(|[^\p{L}\p{N}_]\() ?(?:\.\.\.|…|more ?…|more ?\.\.\.) ?[\])]"
# One or two may be omissions from a quotation.
MIN_TEASERS = 3


def ellipsis_lines(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    share, most = share_of_lines("ellipsis_lines", settings), settings.max_ellipsis_lines_share
    return with_line_facts(frame, settings).with_columns(
        broken(share > most, f"{{}} % of lines end with an ellipsis > {most:.0%}", percent(share))
    )


def teasers(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Beginnings of other pages, each cut off with an ellipsis in brackets. Ours."""
    met, words = pl.col("text").str.count_matches(CUT_OFF), settings.min_words_per_teaser
    many = (met >= MIN_TEASERS) & (met * words > pl.col("words"))
    return frame.with_columns(broken(many, f"{{}} times […], more than once in {words} words", met))
