"""Rules on what a text is: site notices, placeholders, code, fragments.

[content] Text of the site rather than of the page: cookie notices, rights, terms, log in, subscribe, share.

[placeholder] A page that was never filled in, or shows only what a browser without scripts shows.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, percent
from stages.filtered_text.settings import FilteredText
from x_instruction.language.sentences import fold, sentences, share_of_rows
from x_instruction.language.settings import LanguageSettings


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


def fragment(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    return frame.with_columns(broken(pl.col("fragment").is_not_null(), "a snippet, {}", pl.col("fragment")))


def mostly_code(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Share of the characters in code and formulas: of `whole`, what `text` has no longer."""
    share, most = 1 - pl.col("text").str.len_chars() / pl.col("whole").str.len_chars(), settings.max_code_share
    return frame.with_columns(broken(share > most, f"{{}} % of characters in code > {most:.0%}", percent(share)))
