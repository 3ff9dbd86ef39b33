"""Texts made to begin and end as texts do: what is left of a sentence at either end is taken off.

A page's text often ends with a teaser ("Read more…") or where an extract of it ends, and begins amid a sentence.
Mostly a sentence is lost by that; a text of which too little is left is a snippet and is dropped as `fragment`.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.settings import FilteredText
from x_instruction.language.length import word_count
from x_instruction.language.sentences import ONLY_STOPS
from x_instruction.language.settings import LanguageSettings

_CLOSERS = r"[\p{Pf}\p{Pe}\x22']*"
ELLIPSIS = rf"(?:\.{{2,}}|۔{{2,}}|…|[\[(]\s*(?:\.{{2,}}|…)\s*[\])]){_CLOSERS}$"
# Beginnings of other pages, one a line, at the end.
TRAILING = rf"(?:\n[^\n]{{1,60}}(?:\.{{2,}}|…){_CLOSERS}){{2,}}$"
# Up to its last full stop that no ellipsis is, nor the point of an initial, a number of one digit or an abbreviation
# (no capital follows, where a script has them). Stops that are nothing else need no blank behind them: in Urdu news
# 1,778 of 5,579 have none.
_STOP = rf"[^.…۔\s]{{2}}\s?(?:[.!?]{_CLOSERS}\s|[{ONLY_STOPS}]{_CLOSERS})"
_BEGIN = r"[\p{Pi}\p{Ps}\x22']*[^\S\n]?[\p{Lu}\p{Lt}\p{Lo}]"
WHOLE_SENTENCES = rf"^(.*{_STOP})\s*{_BEGIN}"
# Characters; what is longer is no rest of a sentence, but a text without full stops.
MOST = 300
# Full stops that are nothing else and end no question.
STATED = ONLY_STOPS.replace("؟", "")
# A last line that ends with a letter or a comma is looked at from so many words on: below are headings, names, sources.
PROSE_WORDS = 12
OPEN_END = r"[\p{L}\p{M},،]$"
# Items of a list end as their writer likes.
ITEM = r"^\s*(?:[-*+•>|]|\[?\d+[.)\]])\s"
# What a last line announces ("To choose a font:") is not there.
ANNOUNCES = r":[*_]{0,3}$"
PROSE_LINE = r"(?m)^.{80,}$"
CLOSED_LINE = rf"(?m)^.{{80,}}[.!?…।॥۔؟:]{_CLOSERS}\s*$"
# Of a record of a collection ("Title: …", "Text: …", on lines of their own or not): names of its fields are no text.
FIELD_NAMES = r"(?i)^title:[^\S\n]*\n?((?:[^\n]*\n){0,3}?)(?:text|body|content):[^\S\n]*\n?"
# The rest of a sentence, without figures or brackets, before one that begins with a capital on the same line. Dates
# begin with a small letter in Finnish, names of program code anywhere, and who writes no capitals begins no fragment.
AMID = rf"^([\p{{Ll}}\p{{M}} ,'’-]{{15}}[^\n.!?…]*[.!?]{_CLOSERS}[^\S\n]+){_BEGIN}"


def trimmed(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """`text` without fragments at its ends; adds `fragment`: what is one where too little else is there (or null)."""
    fields = frame.with_columns(whole=pl.col("text").str.replace(FIELD_NAMES, "${1}").str.strip_chars_end())
    ended = _ended(_begun(fields, language), language)
    short = ended.select(word_count(language) < settings.min_words).to_series()
    changed = ended["text"] != ended["whole"]
    begins = _begins_amid(language)
    seen = begins | (changed & short) | (_unfinished() if language.spaces_between_words else False)
    whole = pl.col("whole").str.replace_all(r"\s+", " ")
    begin, end = pl.format("begins '{}'", whole.str.head(30)), pl.format("ends '{}'", whole.str.slice(-30))
    return ended.with_columns(
        text=pl.when(seen).then("whole").otherwise("text"),
        fragment=pl.when(begins).then(begin).when(seen).then(end),
    ).drop("whole")


def _begun(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """A text shows that it begins amid a sentence by a small letter or by a word no sentence begins with."""
    pattern = AMID
    if language.never_first:
        # No question: a text may begin with one.
        stop = rf"(?:[.!]{_CLOSERS}[^\S\n]+|[{STATED}]{_CLOSERS}[^\S\n]*)"
        pattern = rf"^({_never_first(language)}(?:[\s،,][^\n.!?…{ONLY_STOPS}]*)?{stop}){_BEGIN}"
    whole, amid = pl.col("whole"), pl.col("whole").str.extract(pattern).str.len_chars()
    return frame.with_columns(text=pl.when(amid <= MOST).then(whole.str.slice(amid)).otherwise(whole))


def _begins_amid(language: LanguageSettings) -> pl.Expr:
    """A text of one paragraph whose first sentence has no beginning, and is too long to be taken off, or all there is.

    So are 36 of 1,802 paragraphs cut from Urdu news (of 19 read one was whole: a town's name, parted after its `کو`),
    and no other real text.
    """
    text = pl.col("text")
    if not language.never_first:
        return pl.lit(False)
    question = text.str.contains(rf"^[^.!…{STATED}]*[?؟]")
    return text.str.contains(rf"^{_never_first(language)}[\s،,]") & ~question & ~text.str.contains("\n")


def _never_first(language: LanguageSettings) -> str:
    return rf"(?:{'|'.join(pl.Series(language.never_first).str.escape_regex())})"


def _unfinished() -> pl.Expr:
    """Of a text of one paragraph two thirds or more are a sentence without its end.

    So are 173 of 1,902 paragraphs cut from Urdu news after 100 words, and 2 of 10,109 real texts of eight languages.
    """
    text = pl.col("text")
    whole = text.str.extract(WHOLE_SENTENCES).str.len_chars().fill_null(0)
    return text.str.contains(OPEN_END) & ~text.str.contains("\n") & (whole * 3 < text.str.len_chars())


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
    ).with_columns(sentences=last.str.extract(WHOLE_SENTENCES).str.strip_chars_end())
    sentences = pl.when(last.str.len_chars() - whole.str.len_chars() <= MOST).then(whole)
    short = whole.is_null() & (last.str.len_chars() <= MOST)
    # A line with a colon may be a list.
    prose = short & ~last.str.contains(":", literal=True) & _closes_lines(pl.col("before"))
    amid = (
        last.str.contains(OPEN_END)
        & ~last.str.contains(ITEM)
        & (last.str.count_matches(r"\S+") > PROSE_WORDS)
        & (sentences.is_not_null() | prose)
    )
    trails = last.str.contains(ELLIPSIS) & (sentences.is_not_null() | short)
    announces = last.str.contains(ANNOUNCES) & (sentences.is_not_null() | short)
    cut_off = trails | announces | (amid if language.spaces_between_words else False)
    left = pl.concat_str("before", sentences, separator="\n", ignore_nulls=True).str.strip_chars("\n")
    return parts.with_columns(text=pl.when(cut_off).then(left).otherwise(text)).drop("last", "before", "sentences")


def _closes_lines(text: pl.Expr) -> pl.Expr:
    """Whether who wrote the text ends most paragraphs with a full stop."""
    prose = text.str.count_matches(PROSE_LINE)
    return (prose > 0) & (text.str.count_matches(CLOSED_LINE) * 2 >= prose)
