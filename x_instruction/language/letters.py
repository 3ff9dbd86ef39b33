"""Writes a text in its language's own letters and signs.

Keyboards, code pages and typesetting put other characters in their place: ي for the Urdu ی, a pipe for a danda, ํ and า
for the Thai ำ. Texts, seeds and evaluation prompts pass through here before any rule sees them. What is replaced stands
in the language's page (see LanguageSettings).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from x_instruction.language.settings import LanguageSettings

# Shapes of Arabic letters and Latin ligatures ("ﺅ", "ﬁ"). Of the ligatures that are whole words, only "Allah" stands
# for its letters in running text; the others (ﷺ) are written on purpose.
_FORMS = [*range(0xFB00, 0xFB07), *range(0xFB50, 0xFDF0), 0xFDF2, *range(0xFE70, 0xFEFD)]
_NFKC = {chr(point): unicodedata.normalize("NFKC", chr(point)) for point in _FORMS}
# Marks that stand alone are left out; NFKC puts a space before them.
SHAPES = {shape: letters for shape, letters in _NFKC.items() if letters != shape and " " not in letters}
# Of a text's letters. One in twelve of Urdu's is a letter that Arabic and Persian lack.
MIN_OWN_LETTERS = 0.01
CLOSERS = r"[\p{Pe}\p{Pf}\x22']"


class _Step(NamedTuple):
    where: pl.Expr
    change: Callable[[pl.Expr], pl.Expr]


def written(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """The texts, which must be in NFC, in the language's own letters and signs."""
    frame = texts.alias("text").to_frame()
    for step in _steps(language):
        found = pl.when(step.where).then("text")  # null elsewhere, where nothing needs to be changed
        frame = frame.with_columns(pl.coalesce(step.change(found), "text").alias("text"))
    return frame["text"].alias(texts.name)


def normalised(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """`written`, for texts that may not be in NFC: seeds, evaluation prompts, and the user's words."""
    return written(texts.str.normalize("NFC"), language)


def foreign_share(language: LanguageSettings) -> pl.Expr:
    """Share of the letters of `text` that belong to other languages, and that no code page explains."""
    foreign = [letter for letter, own in language.foreign_letters.items() if own is None]
    return _share(foreign) if foreign else pl.lit(0.0)


def _steps(language: LanguageSettings) -> Iterator[_Step]:
    yield _replacing(SHAPES)
    mistaken = {letter: own for letter, own in language.foreign_letters.items() if own is not None}
    if mistaken:
        yield _Step(_share(list(mistaken)) > language.max_foreign_letters_share, _replacing(mistaken).change)
    for step in [*_of_marks(language), *([_replacing(language.letters)] if language.letters else [])]:
        yield step._replace(where=step.where & _is_own(language)) if language.own_letters else step
    if language.sentence_signs:
        yield from _of_signs(language)


def _is_own(language: LanguageSettings) -> pl.Expr:
    return _share(language.own_letters) >= MIN_OWN_LETTERS


def _of_marks(language: LanguageSettings) -> Iterator[_Step]:
    """Puts marks in order, then removes doubled ones."""
    for first, then in pairwise(language.letter_order):
        yield _substituting({f"([{then}]+)([{first}]+)": "${2}${1}"})
    if language.never_doubled:
        yield _substituting({f"{mark}{{2,}}": mark for mark in language.never_doubled})


def _of_signs(language: LanguageSettings) -> Iterator[_Step]:
    """Replaces a mark right after a word, or at the end of a line that is no row of a table.

    A mark between two spaces separates the entries of a menu.
    """
    letter = rf"[\p{{{language.script}}}&&[\p{{L}}\p{{M}}\p{{N}}]]{CLOSERS}?"
    for mark, sign in language.sentence_signs.items():
        sought = re.escape(mark)
        after_word = rf"({letter}){sought}(\s|{CLOSERS}|$)"
        line_end = rf"(?m)^([^\n{sought}]*{letter} ?){sought}$"
        step = _substituting({after_word: f"${{1}}{sign}${{2}}", line_end: f"${{1}}{sign}"})
        yield step._replace(where=pl.col("text").str.contains(mark, literal=True))


def _replacing(replacements: dict[str, str]) -> _Step:
    found = pl.col("text").str.contains(_any_of(replacements))
    return _Step(found, lambda text: text.str.replace_many(replacements, leftmost=True))


def _substituting(patterns: dict[str, str]) -> _Step:
    return _Step(pl.col("text").str.contains("|".join(patterns)), partial(_substituted, patterns=patterns))


def _substituted(text: pl.Expr, patterns: dict[str, str]) -> pl.Expr:
    for pattern, by in patterns.items():
        text = text.str.replace_all(pattern, by)
    return text


def _share(letters: Collection[str]) -> pl.Expr:
    text = pl.col("text")
    return text.str.count_matches(_any_of(letters)) / text.str.count_matches(r"\p{L}")


def _any_of(strings: Collection[str]) -> str:
    """Pattern of any of the strings: a class for single characters, which is 20 times as fast as alternatives."""
    every = sorted(strings)
    single = "".join(re.escape(one) for one in every if len(one) == 1)
    return "|".join([*([f"[{single}]"] if single else []), *(re.escape(one) for one in every if len(one) > 1)])
