"""Corrects wrong characters that a conversion from a font's private encoding to Unicode left within words.

Tamil fonts such as Bamini use the code of the semicolon for the pulli, the sign for a consonant without a vowel. In 105
of 3,627 pages, one or two semicolons remain, mostly beside a pulli or after a vowel sign, which no pulli can follow.

In 54 of 1,902 Urdu texts, the conversion from InPage, a word processor, left a ے before a ئ. This is always wrong,
because ے only ends words and no word begins with ئ.
"""

from __future__ import annotations

import re

import polars as pl

from x_instruction.language.settings import LanguageSettings

PULLI = "\u0bcd"
WITHIN = r"\p{Tamil};\p{Tamil}"
# A word with one semicolon. A word with several semicolons is a list without spaces.
WORD = re.compile(r"(?<!\S)([^\s;]*[\u0b80-\u0bff]);([\u0b80-\u0bff][^\s;]*)(?!\S)")
FIRST_CONSONANT, LAST_CONSONANT = "\u0b95", "\u0bb9"
FINAL_YEH, YEH, HAMZA = "\u06d2", "\u06cc", "\u0626"


def without_font_artifacts(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """The texts without semicolons within Tamil words, and with ی instead of ے before ئ in Urdu words."""
    if language.script == "Arabic":
        return texts.str.replace_all(FINAL_YEH + HAMZA, YEH + HAMZA, literal=True)
    if language.script != "Tamil":
        return texts
    text = pl.col("text")
    affected = pl.when(text.str.contains(WITHIN)).then(text)
    fixed = affected.map_elements(lambda words: WORD.sub(_without_semicolon, words), return_dtype=pl.String)
    return texts.alias("text").to_frame().select(pl.coalesce(fixed, text)).to_series().alias(texts.name)


def _without_semicolon(word: re.Match[str]) -> str:
    """A semicolon after a bare consonant becomes a pulli; any other semicolon is removed."""
    bare = FIRST_CONSONANT <= word[1][-1] <= LAST_CONSONANT
    return f"{word[1]}{PULLI if bare else ''}{word[2]}"
