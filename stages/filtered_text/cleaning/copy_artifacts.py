"""Removes what copying and collecting leave in a text: CSV quoting, a tokenizer's spaces, the browser window's title,
buttons, repeated paragraphs, credits, and the address of the source."""

from __future__ import annotations

import re

import polars as pl

from stages.filtered_text.cleaning.repeated_paragraphs import without_repeats
from x_instruction.language.folding import in_any_case
from x_instruction.language.sentences import marks
from x_instruction.language.settings import LanguageSettings

# A paragraph that was a field of CSV: it is in quotation marks, and each quotation mark inside is doubled.
CSV_FIELD = re.compile(r'(?m)^"((?:[^"\n]|"")+)"$')
# A text counts as tokenised if it has at least this many full stops and commas before white space, and at least this
# share of them also follows white space.
MIN_POINTS, TOKENISED_SHARE = 3, 0.8
TITLE = 15  # a headline has at least this many characters, and at least half as many as the window's title
TITLE_LINES = 4  # the headline is within this many lines after the window's title ("Site - Headline")
# A list of the authors and the licence: `* License: [CC-BY]`, `* Text: …`.
CREDITS = r"(?:\n[-*•] [\p{L} ]{2,20}: [^\n]*){2,}$"
LICENCE = r"(?i)\n[-*•] licen[cs]e: "


def without_copy_artifacts(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """The texts without traces of copying and collecting."""
    frame = texts.alias("text").to_frame()
    for step in (_without_quoting(), _without_token_spaces(), _without_buttons(language), _without_title()):
        frame = frame.with_columns(step.alias("text"))
    frame = without_repeats(frame["text"]).alias("text").to_frame()
    return frame.select(_without_source(language)).to_series().alias(texts.name)


def _without_quoting() -> pl.Expr:
    text = pl.col("text")
    quoted = pl.when(text.str.contains('""', literal=True)).then(text)
    return pl.coalesce(quoted.map_elements(_unquoted, return_dtype=pl.String), text)


def _unquoted(text: str) -> str:
    return CSV_FIELD.sub(lambda field: field[1].replace('""', '"') if '""' in field[1] else field[0], text)


def _without_token_spaces() -> pl.Expr:
    """Removes spaces before closing marks and after opening marks in tokenised texts; " :)" and " .NET" stay."""
    text = pl.col("text")
    points = text.str.count_matches(r"[.,](?:\s|$)")
    share = text.str.count_matches(r"\s[.,](?:\s|$)") / points
    joined = text
    # Twice, because a match consumes the space after a mark, so that the comma of ") ," matches only the second time.
    for _ in range(2):
        joined = joined.str.replace_all(r" +([.,!?;:%)\]»…])( |\n|$)", "${1}${2}")
    joined = joined.str.replace_all(r" ,(\d)", ",${1}").str.replace_all(r"([(\[«]) +", "${1}")
    joined = joined.str.replace_all(r'(^|[\n (])" ([^"\n]{1,300}) "', '${1}"${2}"')
    return pl.when((points >= MIN_POINTS) & (share >= TOKENISED_SHARE)).then(joined).otherwise(text)


def _without_buttons(language: LanguageSettings) -> pl.Expr:
    if not language.buttons:
        return pl.col("text")
    names = in_any_case(language.buttons, language)
    return pl.col("text").str.replace_all(rf"(?m)^{names}$\n?", "").str.strip_chars_end("\n")


def _without_title() -> pl.Expr:
    """Removes the first line if it is the window's title, that is the site's name followed by one of the next lines."""
    text = pl.col("text")
    lines = text.str.split("\n")
    first = lines.list.get(0)
    others = [lines.list.get(number, null_on_oob=True) for number in range(1, TITLE_LINES + 1)]
    least = pl.max_horizontal(first.str.len_chars() / 2, TITLE)
    repeats = [first.str.ends_with(other) & (first != other) & (other.str.len_chars() >= least) for other in others]
    return pl.when(pl.any_horizontal(*repeats)).then(text.str.replace(r"^[^\n]*\n", "")).otherwise(text)


def _without_source(language: LanguageSettings) -> pl.Expr:
    """Removes credits, and the address of the source at the end, with the label or the line that announces it."""
    text, ends = pl.col("text"), marks(language)
    text = pl.when(text.str.contains(LICENCE)).then(text.str.replace(CREDITS, "")).otherwise(text)
    if language.marks_sentence_ends:  # in other languages, the line before the address may be a sentence of the text
        text = text.str.replace(rf"\n[^\n{ends}]{{1,80}}\nhttps?://[^\s\[\]()]+$", "")
    return text.str.replace(rf"(?:\n[^\n{ends}\[\]()]{{0,40}}https?://[^\s\[\]()]+)+$", "").str.strip_chars_end()
