"""Rules on what a text is: a site's notices, a placeholder, program code, or a fragment of a text."""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rules.rule import broken, percent
from stages.filtered_text.settings import FilteredText
from x_instruction.language.folding import folded, folded_list
from x_instruction.language.sentences import sentences, share_of_rows
from x_instruction.language.settings import LanguageSettings

# Filler text, and notices of browsers and servers. "JavaScript" alone is not a notice, because texts about JavaScript
# are good texts.
FILLER = r"(?i)\blorem ipsum\b"
PLACEHOLDERS = (
    rf"{FILLER}|\b(?:enable|turn on|activate|requires?|without) javascript\b|\bjavascript (?:is|must be|has "
    r"been) (?:disabled|enabled|required|turned off)\b|\b(?:default web page|under construction|coming soon\.\.\.)"
)


def boilerplate(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops pages that consist of a site's notices: on cookies, rights, terms, logging in, subscribing or sharing.

    The rule is ours. A page of notices has many different phrases. If the share of notices is over the limit but few
    different phrases occur, the text is probably an article on cookies or privacy. Such a text is dropped only if the
    share is above `max_topic_share`.
    """
    share, limit = pl.lit(boilerplate_share(frame, language)), settings.max_boilerplate_share
    phrases = folded_list(language.boilerplate, language)
    doubtful = pl.when(share > limit).then(folded(pl.col("text"), language))
    kinds = doubtful.str.extract_many(phrases).list.n_unique()
    many = (kinds >= settings.min_boilerplate_phrases) | (share > settings.max_topic_share)
    return frame.with_columns(
        broken((share > limit) & many, f"{{}} % of characters in boilerplate > {limit:.0%}", percent(share))
    )


def boilerplate_share(frame: pl.DataFrame, language: LanguageSettings) -> pl.Series:
    """For each text, the share of its characters in sentences that contain a boilerplate phrase of the language."""
    phrases = folded_list(language.boilerplate, language)
    marked = sentences(frame, language).with_columns(hit=pl.col("sentence").str.contains_any(phrases))
    return share_of_rows(frame, marked)


def placeholder(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops pages that were never filled in, or that only ask the reader to enable JavaScript.

    The rule is ours, after C4 (arXiv 1910.10683, 2.2), which drops every page with "lorem ipsum" or a curly bracket,
    and every line with "javascript".
    """
    found, length = pl.col("text").str.extract(PLACEHOLDERS, 0), pl.col("text").str.len_chars()
    short = length < settings.max_placeholder_characters
    # A long page in which "lorem ipsum" is rare uses the words as an example.
    filled = pl.col("text").str.count_matches(FILLER) * settings.max_placeholder_characters > length
    return frame.with_columns(broken(found.is_not_null() & (short | filled), "contains '{}'", found))


def mostly_code(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts with too much program code and formulas, which are in `whole` but not in `text`. The rule is ours."""
    share, limit = 1 - pl.col("text").str.len_chars() / pl.col("whole").str.len_chars(), settings.max_code_share
    return frame.with_columns(broken(share > limit, f"{{}} % of characters in code > {limit:.0%}", percent(share)))


def fragment(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Drops texts that `trimmed` (cleaning/fragments.py) recognized as fragments (ours)."""
    return frame.with_columns(broken(pl.col("fragment").is_not_null(), "a snippet that {}", pl.col("fragment")))
