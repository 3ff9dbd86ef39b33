"""What copying and collecting leave in a text: quoting of CSV, a tokenizer's blanks, the window's title, buttons,
paragraphs said twice in a row, credits and the address of the source."""

from __future__ import annotations

import re

import polars as pl

from stages.filtered_text.cleaning.repeated_paragraphs import said_once
from x_instruction.language.settings import LanguageSettings

# A paragraph as a field of CSV: within its quotation marks, each is doubled.
CSV_FIELD = re.compile(r'(?m)^"((?:[^"\n]|"")+)"$')
# Tokenised: of at least so many full stops and commas at the end of a word, nearly all stand behind a blank.
MIN_POINTS, TOKENISED_SHARE = 3, 0.8
TITLE = 15  # characters of a headline, which is half of the window's title or more
TITLE_LINES = 4  # so soon the headline follows the window's title ("Site - Headline")
# A list of who made it, with its licence: `* License: [CC-BY]`, `* Text: …`.
CREDITS = r"(?:\n[-*•] [\p{L} ]{2,20}: [^\n]*){2,}$"
LICENCE = r"(?i)\n[-*•] licen[cs]e: "
# "Source: https://…" at the end, and a line without a full stop that says of the address below it what is there: 97 of
# 104 lessons of one Indonesian book end so.
SOURCE = r"(?:\n[^\n.!?\[\]()]{0,40}https?://[^\s\[\]()]+)+$"
ANNOUNCED = r"\n[^\n.!?…।॥۔؟]{1,80}\nhttps?://[^\s\[\]()]+$"


def without_left_overs(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """The texts without what copying and collecting left in them."""
    frame = texts.alias("text").to_frame()
    for step in (_unquoted(), _untokenised(), _unbuttoned(language), _untitled()):
        frame = frame.with_columns(step.alias("text"))
    frame = said_once(frame["text"]).alias("text").to_frame()
    return frame.select(_unsigned(language)).to_series().alias(texts.name)


def _unquoted() -> pl.Expr:
    text = pl.col("text")
    quoted = pl.when(text.str.contains('""', literal=True)).then(text)
    return pl.coalesce(quoted.map_elements(_fields_unquoted, return_dtype=pl.String), text)


def _fields_unquoted(text: str) -> str:
    return CSV_FIELD.sub(lambda field: field[1].replace('""', '"') if '""' in field[1] else field[0], text)


def _untokenised() -> pl.Expr:
    """Blanks before signs that close and behind signs that open; ":)" and " .NET" stay."""
    text = pl.col("text")
    points = text.str.count_matches(r"[.,](?:\s|$)")
    share = text.str.count_matches(r"\s[.,](?:\s|$)") / points
    joined = text
    for _ in range(2):  # ") ," are two signs with one blank between them
        joined = joined.str.replace_all(r" +([.,!?;:%)\]»…])( |\n|$)", "${1}${2}")
    joined = joined.str.replace_all(r" ,(\d)", ",${1}").str.replace_all(r"([(\[«]) +", "${1}")
    joined = joined.str.replace_all(r'(^|[\n (])" ([^"\n]{1,300}) "', '${1}"${2}"')
    return pl.when((points >= MIN_POINTS) & (share >= TOKENISED_SHARE)).then(joined).otherwise(text)


def _unbuttoned(language: LanguageSettings) -> pl.Expr:
    if not language.buttons:
        return pl.col("text")
    names = "|".join(pl.Series(language.buttons).str.escape_regex())
    return pl.col("text").str.replace_all(rf"(?mi)^(?:{names})$\n?", "").str.strip_chars_end("\n")


def _untitled() -> pl.Expr:
    """Without a first line that says, behind the site's name, a line that follows anyway."""
    text = pl.col("text")
    lines = text.str.split("\n")
    first = lines.list.get(0)
    others = [lines.list.get(number, null_on_oob=True) for number in range(1, TITLE_LINES + 1)]
    least = pl.max_horizontal(first.str.len_chars() / 2, TITLE)
    said = [first.str.ends_with(other) & (first != other) & (other.str.len_chars() >= least) for other in others]
    return pl.when(pl.any_horizontal(*said)).then(text.str.replace(r"^[^\n]*\n", "")).otherwise(text)


def _unsigned(language: LanguageSettings) -> pl.Expr:
    text = pl.col("text")
    signed = text.str.contains(LICENCE)
    text = pl.when(signed).then(text.str.replace(CREDITS, "")).otherwise(text)
    if language.spaces_between_words:  # Thai, which has no full stops, may end so
        text = text.str.replace(ANNOUNCED, "")
    return text.str.replace(SOURCE, "").str.strip_chars_end()
