"""Characters within words that remained when a text in a font's private encoding was converted to Unicode.

Tamil fonts such as Bamini put the pulli, the sign for a consonant without a vowel, in the place of the semicolon. One
or two semicolons per text remain in 105 of 3,627 pages, mostly beside the pulli or after a vowel sign that excludes
one.

Urdu texts from InPage write the word-final yeh before a hamza (54 of 1,902 texts). Within words Urdu uses another yeh,
and no word begins with a hamza.
"""

from __future__ import annotations

import re

import polars as pl

from x_instruction.language.settings import LanguageSettings

PULLI = "\u0bcd"
WITHIN = r"\p{Tamil};\p{Tamil}"
# A word with one semicolon; several of them between spaces are a list.
WORD = re.compile(r"(?<!\S)([^\s;]*[\u0b80-\u0bff]);([\u0b80-\u0bff][^\s;]*)(?!\S)")
FIRST_CONSONANT, LAST_CONSONANT = "\u0b95", "\u0bb9"
FINAL_YEH, YEH, HAMZA = "\u06d2", "\u06cc", "\u0626"


def without_font_artifacts(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """The texts with the correct spelling of such words."""
    if language.script == "Arabic":
        return texts.str.replace_all(FINAL_YEH + HAMZA, YEH + HAMZA, literal=True)
    if language.script != "Tamil":
        return texts
    text = pl.col("text")
    found = pl.when(text.str.contains(WITHIN)).then(text)
    fixed = found.map_elements(lambda one: WORD.sub(_without_semicolon, one), return_dtype=pl.String)
    return texts.alias("text").to_frame().select(pl.coalesce(fixed, text)).to_series().alias(texts.name)


def _without_semicolon(word: re.Match[str]) -> str:
    """After a bare consonant the semicolon was a pulli; elsewhere it is removed."""
    bare = FIRST_CONSONANT <= word[1][-1] <= LAST_CONSONANT
    return f"{word[1]}{PULLI if bare else ''}{word[2]}"
