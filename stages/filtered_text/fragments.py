"""Texts made to begin and end as texts do: what is left of a sentence at either end is taken off.

A page's text often ends with a teaser ("Read more…") or where an extract of it ends, and begins amid a sentence.
Mostly a sentence is lost by that; a text of which too little is left is a snippet and is dropped as `fragment`.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.length import word_count
from stages.filtered_text.rule import broken
from stages.languages import LanguageSettings
from stages.settings import FilteredText

_CLOSERS = r"[\p{Pf}\p{Pe}\x22']*"
ELLIPSIS = rf"(?:\.{{2,}}|…|[\[(]\s*(?:\.{{2,}}|…)\s*[\])]){_CLOSERS}$"
# Beginnings of other pages, one a line, at the end.
TRAILING = rf"(?:\n[^\n]{{1,60}}(?:\.{{2,}}|…){_CLOSERS}){{2,}}$"
# Up to its last full stop that no ellipsis is, nor the point of an initial, a number of one digit or an abbreviation
# (no capital follows, where a script has them).
_STOP = rf"[^.…\s]{{2}}\s?[.!?।॥۔؟]{_CLOSERS}"
_BEGIN = r"[\p{Pi}\p{Ps}\x22']*\s?[\p{Lu}\p{Lt}\p{Lo}]"
WHOLE_SENTENCES = rf"^(.*{_STOP})\s+{_BEGIN}"
# Characters; what is longer is no rest of a sentence, but a text without full stops.
MOST = 300
# A last line that ends with a letter or a comma is looked at from so many words on: below are headings, names, sources.
PROSE_WORDS = 12
PROSE_LINE = r"(?m)^.{80,}$"
CLOSED_LINE = rf"(?m)^.{{80,}}[.!?…।॥۔؟:]{_CLOSERS}\s*$"
# The rest of a sentence, without figures or brackets, before one that begins with a capital. Dates begin with a small
# letter in Finnish, and who writes no capitals begins no fragment.
AMID = rf"^([\p{{Ll}}\p{{M}} ,'’-]{{15}}[^\n.!?…]*[.!?]{_CLOSERS}\s+){_BEGIN}"


def trimmed(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """`text` without fragments at its ends; adds `fragment`: what is one where too little else is there (or null)."""
    whole = frame.with_columns(whole=pl.col("text").str.strip_chars_end())
    ended = _ended(_begun(whole), language)
    short = ended.select(word_count(language) < settings.min_words).to_series()
    changed = ended["text"] != ended["whole"]
    seen = pl.when(changed & short)
    return ended.with_columns(
        text=seen.then("whole").otherwise("text"),
        fragment=seen.then(pl.col("whole").str.slice(-30).str.replace_all(r"\s+", " ")),
    ).drop("whole")


def _begun(frame: pl.DataFrame) -> pl.DataFrame:
    """Only in scripts that have capitals does a text show that it begins amid a sentence."""
    whole, amid = pl.col("whole"), pl.col("whole").str.extract(AMID).str.len_chars()
    return frame.with_columns(text=pl.when(amid <= MOST).then(whole.str.slice(amid)).otherwise(whole))


def _ended(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    text = pl.col("text")
    frame = frame.with_columns(text.str.replace(TRAILING, ""))
    if language.read_more:
        phrases = "|".join(pl.Series(language.read_more).str.escape_regex())
        # A line of its own with what it leads to, or behind the text.
        line = rf"\n\P{{L}}*(?:{phrases})\b[^\n.!?]{{0,80}}"
        inside = rf"([.!?…।॥۔؟])[\s\[(<»›→>]*(?:{phrases})[^\p{{L}}\n]*|[\[(<»›→>]\s*(?:{phrases})[^\p{{L}}\n]*"
        frame = frame.with_columns(text.str.replace(rf"(?i)(?:{line}|{inside})+$", "${1}").str.strip_chars_end())
    last, whole = pl.col("last"), pl.col("sentences")
    parts = frame.with_columns(
        last=text.str.extract(r"([^\n]*)$"), before=text.str.replace(r"\n?[^\n]*$", "").str.strip_chars_end()
    ).with_columns(sentences=last.str.extract(WHOLE_SENTENCES))
    sentences = pl.when(last.str.len_chars() - whole.str.len_chars() <= MOST).then(whole)
    short = whole.is_null() & (last.str.len_chars() <= MOST)
    # A line with a colon may be a list.
    prose = short & ~last.str.contains(":", literal=True) & _closes_lines(pl.col("before"))
    amid = (
        last.str.contains(r"[\p{L}\p{M},]$")
        & (last.str.count_matches(r"\S+") > PROSE_WORDS)
        & (sentences.is_not_null() | prose)
    )
    trails = last.str.contains(ELLIPSIS) & (sentences.is_not_null() | short)
    cut_off = trails | (amid if language.spaces_between_words else False)
    left = pl.concat_str("before", sentences, separator="\n", ignore_nulls=True).str.strip_chars("\n")
    return parts.with_columns(text=pl.when(cut_off).then(left).otherwise(text)).drop("last", "before", "sentences")


def _closes_lines(text: pl.Expr) -> pl.Expr:
    """Whether who wrote the text ends most paragraphs with a full stop."""
    prose = text.str.count_matches(PROSE_LINE)
    return (prose > 0) & (text.str.count_matches(CLOSED_LINE) * 2 >= prose)


def fragment(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    return frame.with_columns(broken(pl.col("fragment").is_not_null(), "a snippet, ends '{}'", pl.col("fragment")))
