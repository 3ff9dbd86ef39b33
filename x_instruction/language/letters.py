"""Writes a text in its language's own letters and signs.

Because of keyboards, code pages and typesetting, many texts have other characters in place of these: ي for the Urdu ی,
a pipe for a danda, ํ and า for the Thai ำ. Web texts, seed responses in the language and evaluation prompts are
rewritten before any rule reads them. The language's page lists the replacements (see LanguageSettings).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from x_instruction.language.changes import changed_where
from x_instruction.language.invisible import visible
from x_instruction.language.settings import LanguageSettings

# Presentation forms of Arabic letters, and Latin ligatures ("ﺅ", "ﬁ"), which are replaced by plain letters. Of the
# ligatures that are whole words, only "Allah" is replaced, because running text has it in place of the letters. People
# write the others (ﷺ) on purpose.
_FORMS = [*range(0xFB00, 0xFB07), *range(0xFB50, 0xFDF0), 0xFDF2, *range(0xFE70, 0xFEFD)]
_NFKC = {chr(point): unicodedata.normalize("NFKC", chr(point)) for point in _FORMS}
# Marks without a letter, before which NFKC puts a space, are left out.
SHAPES = {shape: letters for shape, letters in _NFKC.items() if letters != shape and " " not in letters}
# Full-width letters, digits and signs, and the mathematical letters that people use as bold and italic letters. All of
# these are replaced by plain ones, except for languages in East Asian scripts, which use full-width signs on purpose.
_STYLED = [*range(0xFF01, 0xFF5F), *range(0x1D400, 0x1D800)]
STYLES = {
    chr(point): unicodedata.normalize("NFKC", chr(point)) for point in _STYLED if unicodedata.name(chr(point), "")
}
FULL_WIDTH_SCRIPTS = ("Bopomofo", "Han", "Hangul", "Hiragana", "Katakana")
# The letters of a text are replaced only if at least this share of them are `own_letters`. In Urdu texts, one letter in
# twelve is one that Arabic and Persian do not have.
MIN_OWN_LETTERS = 0.01
CLOSERS = r"[\p{Pe}\p{Pf}\x22']"
TRUE = pl.lit(True)


class _Step(NamedTuple):
    """A change of those texts that contain `pattern` and for which `condition` is true."""

    pattern: str
    change: Callable[[pl.Expr], pl.Expr]
    condition: pl.Expr = TRUE


def written(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """Rewrites texts in the language's own letters and signs. `texts` must be in NFC, without invisible characters."""
    steps = list(_steps(language))
    # Texts are first searched for all patterns at once, because nine in ten texts need no change.
    found = texts.str.contains("|".join(step.pattern for step in steps))
    return changed_where(found, texts, partial(_rewritten, steps=steps))


def _rewritten(texts: pl.Series, steps: list[_Step]) -> pl.Series:
    frame = texts.alias("text").to_frame()
    for step in steps:
        here = pl.when(pl.col("text").str.contains(step.pattern) & step.condition).then("text")
        frame = frame.with_columns(pl.coalesce(step.change(here), "text").alias("text"))
    return frame["text"]


def normalised(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """Like `written`, but also for texts that are not in NFC: seeds, evaluation prompts and words from the settings."""
    return written(visible(texts).str.normalize("NFC"), language)


def foreign_share(language: LanguageSettings) -> pl.Expr:
    """Share of the letters of `text` that `foreign_letters` lists without a replacement."""
    foreign = [letter for letter, replacement in language.foreign_letters.items() if replacement is None]
    return _share(foreign) if foreign else pl.lit(0.0)


def _steps(language: LanguageSettings) -> Iterator[_Step]:
    yield _replacing(SHAPES if language.script in FULL_WIDTH_SCRIPTS else SHAPES | STYLES)
    mistaken = {letter: by for letter, by in language.foreign_letters.items() if by is not None}
    if mistaken:
        too_many = _share(list(mistaken)) > language.max_foreign_letters_share
        yield _replacing(mistaken)._replace(condition=too_many)
    in_language = _share(language.own_letters) >= MIN_OWN_LETTERS if language.own_letters else TRUE
    yield from (step._replace(condition=in_language) for step in _of_letters(language))
    if language.sentence_signs:
        yield from _of_signs(language)


def _of_letters(language: LanguageSettings) -> Iterator[_Step]:
    """Steps that put marks in order, remove doubled marks, and replace letters."""
    for first, then in pairwise(language.letter_order):
        yield _substituting({f"([{then}]+)([{first}]+)": "${2}${1}"})
    if language.never_doubled:
        yield _substituting({f"{mark}{{2,}}": mark for mark in language.never_doubled})
    if language.letters:
        yield _replacing(language.letters)


def _of_signs(language: LanguageSettings) -> Iterator[_Step]:
    """Steps that write a language's sentence signs in place of other marks.

    A mark is replaced right after a word, and at the end of a line that is not a row of a table. A mark between two
    spaces stays, because it separates the entries of a menu.
    """
    letter = rf"[\p{{{language.script}}}&&[\p{{L}}\p{{M}}\p{{N}}]]{CLOSERS}?"
    for sign in dict.fromkeys(language.sentence_signs.values()):
        sought = _any_of([mark for mark, replaced in language.sentence_signs.items() if replaced == sign])
        after_word = rf"({letter})(?:{sought})(\s|{CLOSERS}|$)"
        line_end = rf"(?m)^([^\n|]*{letter} ?)(?:{sought})$"
        step = _substituting({after_word: f"${{1}}{sign}${{2}}", line_end: f"${{1}}{sign}"})
        yield step._replace(pattern=sought)


def _replacing(replacements: dict[str, str]) -> _Step:
    return _Step(_any_of(replacements), lambda text: text.str.replace_many(replacements, leftmost=True))


def _substituting(patterns: dict[str, str]) -> _Step:
    return _Step("|".join(patterns), partial(_substituted, patterns=patterns))


def _substituted(text: pl.Expr, patterns: dict[str, str]) -> pl.Expr:
    for pattern, by in patterns.items():
        text = text.str.replace_all(pattern, by)
    return text


def _share(letters: Collection[str]) -> pl.Expr:
    text = pl.col("text")
    return text.str.count_matches(_any_of(letters)) / text.str.count_matches(r"\p{L}")


def _any_of(strings: Collection[str]) -> str:
    """Pattern that matches any of the strings. A class of single characters is 20 times as fast as alternatives."""
    ordered = sorted(strings)
    single = "".join(re.escape(string) for string in ordered if len(string) == 1)
    return "|".join(
        [*([f"[{single}]"] if single else []), *(re.escape(string) for string in ordered if len(string) > 1)]
    )
