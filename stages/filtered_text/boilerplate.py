"""Text of the site rather than of the page: cookie notices, rights, terms, log in, subscribe, share."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.sentences import fold, sentences, share_of_rows
from stages.settings import FilteredText


def boilerplate_share(frame: pl.DataFrame, language: LanguageSettings) -> pl.Series:
    """Share of each text, by characters, in sentences that hold one of the language's boilerplate phrases."""
    marked = sentences(frame, language).with_columns(hit=pl.col("sentence").str.contains_any(_phrases(language)))
    return share_of_rows(frame, marked)


def boilerplate(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """A site's notices are of many kinds: a text with few, unless it is nothing else, is about cookies, or privacy."""
    share, most = pl.lit(boilerplate_share(frame, language)), settings.max_boilerplate_share
    doubtful = pl.when(share > most).then(fold(pl.col("text")))
    kinds = doubtful.str.extract_many(_phrases(language)).list.n_unique()
    many = (kinds >= settings.min_boilerplate_phrases) | (share > settings.max_topic_share)
    return frame.with_columns(broken((share > most) & many, f"{{}} % boilerplate > {most:.0%}", percent(share)))


def _phrases(language: LanguageSettings) -> list[str]:
    return pl.select(fold(pl.lit(pl.Series(language.boilerplate)))).to_series().to_list()
