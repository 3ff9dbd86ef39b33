"""Signs within words that were left where a text in a font's own encoding was made Unicode.

Tamil: in such fonts (Bamini and its kin) the sign for a consonant without a vowel, the pulli, stands where others have
the semicolon. One or two a text remain, mostly beside the pulli or behind a vowel sign that leaves no room for one: 105
of 3,627 pages have some. One of 88 that were read was a semicolon.

Urdu: the yeh that only ends words, before a hamza that begins none (54 of 1,902 texts, from InPage); within words it is
written with the other yeh.
"""

from __future__ import annotations

import re

import polars as pl

from x_instruction.language.settings import LanguageSettings

PULLI = "\u0bcd"
WITHIN = r"\p{Tamil};\p{Tamil}"
# A word with one; more of them between blanks are a list.
WORD = re.compile(r"(?<!\S)([^\s;]*[\u0b80-\u0bff]);([\u0b80-\u0bff][^\s;]*)(?!\S)")
FIRST_CONSONANT, LAST_CONSONANT = "\u0b95", "\u0bb9"
LAST_YEH, YEH, HAMZA = "\u06d2", "\u06cc", "\u0626"


def without_font_signs(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """The texts with the words as they are spelt."""
    if language.script == "Arabic":
        return texts.str.replace_all(LAST_YEH + HAMZA, YEH + HAMZA, literal=True)
    if language.script != "Tamil":
        return texts
    text = pl.col("text")
    met = pl.when(text.str.contains(WITHIN)).then(text)
    mended = met.map_elements(lambda one: WORD.sub(_whole, one), return_dtype=pl.String)
    return texts.alias("text").to_frame().select(pl.coalesce(mended, text)).to_series().alias(texts.name)


def _whole(word: re.Match[str]) -> str:
    """Without its semicolon; behind a bare consonant it stood for a pulli."""
    bare = FIRST_CONSONANT <= word[1][-1] <= LAST_CONSONANT
    return f"{word[1]}{PULLI if bare else ''}{word[2]}"
