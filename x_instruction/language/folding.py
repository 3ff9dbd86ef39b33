"""Folds words and phrases of a language: writes them in the form in which they are compared.

The form is used for stop words and other lists, for the identification of languages by words, and in the search for
duplicates and evaluation texts. There are two ways to fold: by polars
expressions, and by a table of code points for numpy and compiled code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.letters import normalised
from x_instruction.language.settings import LanguageSettings

Points = npt.NDArray[np.uint32]
# Characters that are left out: the dot that lower-casing İ leaves, zero-width characters, and Arabic vowel marks.
NOT_COMPARED = r"[\u0307\u200b-\u200d\u064b-\u0652]"
# The last code point of a letter in Unicode 15 (CJK extension H). Only tags, variation selectors and
# private-use characters are above it.
LAST_LETTER = 0x323AF


def folded(text: pl.Expr, language: LanguageSettings | None = None) -> pl.Expr:
    """The text in the language's small letters, without the characters of NOT_COMPARED."""
    if language and language.lower_case:
        text = text.str.replace_many(language.lower_case)
    return text.str.to_lowercase().str.replace_all(NOT_COMPARED, "")


def folded_list(words: Sequence[str], language: LanguageSettings) -> list[str]:
    """Folds words or phrases that come from a language's page (languages/<code>.yaml) or from the user."""
    return list(_folded_list(tuple(words), language))


@lru_cache(maxsize=256)
def _folded_list(words: tuple[str, ...], language: LanguageSettings) -> tuple[str, ...]:
    texts = normalised(pl.Series("text", words, dtype=pl.String), language)
    return tuple(texts.to_frame().select(folded(pl.col("text"), language)).to_series())


def in_any_case(phrases: Sequence[str], language: LanguageSettings) -> str:
    """Pattern that matches any of the phrases in upper and lower case, for text that must keep its case.

    If a language has a special capital, such as the Turkish İ, the plain capital (I) matches too, because people often
    type it.
    """
    return _in_any_case(tuple(phrases), language)


@lru_cache(maxsize=256)
def _in_any_case(phrases: tuple[str, ...], language: LanguageSettings) -> str:
    pattern = "|".join(normalised(pl.Series("text", phrases, dtype=pl.String), language).str.escape_regex())
    for capital, small in language.lower_case.items():
        pattern = pattern.replace(small, f"[{small}{capital}]")
    return f"(?i:{pattern})"


def folded_words(text: str, language: LanguageSettings) -> list[str]:
    """The runs of letters, marks and digits of a text, in the form in which words are compared."""
    return text.translate(_translation(language.capitals)).split()


@cache
def folds(capitals: tuple[tuple[str, str], ...]) -> Points:
    """An array of the small letter of each code point up to LAST_LETTER, or 0 for those that are left out."""
    left_out = re.compile(NOT_COMPARED)
    characters = map(chr, range(1, LAST_LETTER + 1))
    table = np.array(
        [1, *(0 if left_out.match(character) else ord(character.lower()[0]) for character in characters)], np.uint32
    )
    for capital, small in capitals:
        table[ord(capital)] = ord(small)
    return table


class _Translation(dict[int, int | None]):
    """A lazy table for str.translate: it folds letters, marks and digits, and replaces other characters by spaces."""

    def __init__(self, table: Points) -> None:
        super().__init__()
        self.table = table

    def __missing__(self, point: int) -> int | None:
        small = int(self.table[point]) if point <= LAST_LETTER else point
        is_word = unicodedata.category(chr(point))[0] in "LMN"
        self[point] = None if not small else small if is_word else 0x20
        return self[point]


@cache
def _translation(capitals: tuple[tuple[str, str], ...]) -> _Translation:
    return _Translation(folds(capitals))
