"""Finds texts that share a run of words with an evaluation set.

Words of the texts and of the evaluation set are found by the rules of the language (x_instruction/words/units.py), and
compared in folded form. If no spaces separate words, a run consists of as many characters as its words would have on
average.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.cleaning.short_texts import cleaned_texts
from x_instruction.language.folding import folded_words
from x_instruction.language.letters import normalised
from x_instruction.language.settings import LanguageSettings
from x_instruction.runner.errors import InputError
from x_instruction.words.evaluation_prompts import EVALUATION_ROWS, UNPROTECTED_ROWS, Text, prompts_of
from x_instruction.words.units import Numbers, Places, runs, slices, units, units_of_words

# The minimum length of a prompt in words. A shorter prompt ("Why?") occurs in many texts by chance. The limit is our
# own.
SHORTEST = 4


class Ngrams(NamedTuple):
    """Sorted hashes of the runs in evaluation texts.

    A run is a sequence of words, or of characters if no spaces separate words. `by_length` has the hashes of whole runs
    by their length; `beginnings` has the hashes of their first `least` words or characters. `unprotected_rows` counts
    the `rows` without a text that is long enough to be compared. There is one of the `warnings` for each file with such
    rows.
    """

    least: int
    beginnings: Numbers
    by_length: dict[int, Numbers]
    rows: int = 0
    unprotected_rows: int = 0
    warnings: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Counts for the manifest: the rows of the evaluation files, and the rows with too few words to be compared."""
        return {EVALUATION_ROWS: self.rows, UNPROTECTED_ROWS: self.unprotected_rows} if self.rows else {}

    def print_warnings(self) -> None:
        for warning in self.warnings:
            print(f"warning: {warning}", file=sys.stderr)


NO_NGRAMS = Ngrams(1, np.zeros(0, np.uint64), {})


def evaluation_ngrams(
    paths: list[Path], size: int, language: LanguageSettings, setting: str = "decontaminate_against"
) -> Ngrams:
    """All runs of `size` words in the texts of JSONL files. A shorter prompt of at least SHORTEST words is one run.

    Raises InputError, which names the setting, if a file cannot be read or has no run.
    """
    files = [_file_ngrams(path, size, language, setting) for path in paths]
    lengths = sorted({length for file in files for length in file.by_length})
    none = [np.zeros(0, np.uint64)]
    return Ngrams(
        least=_least(size, language),
        beginnings=np.unique(np.concatenate([file.beginnings for file in files] or none)),
        by_length={
            length: np.unique(np.concatenate([file.by_length.get(length, none[0]) for file in files]))
            for length in lengths
        },
        rows=sum(file.rows for file in files),
        unprotected_rows=sum(file.unprotected_rows for file in files),
        warnings=tuple(warning for file in files for warning in file.warnings),
    )


def _least(size: int, language: LanguageSettings) -> int:
    return min(units_of_words(SHORTEST, language), units_of_words(size, language))


def _file_ngrams(path: Path, size: int, language: LanguageSettings, setting: str) -> Ngrams:
    texts = _with_cleaned(prompts_of(path, setting), language)
    values, begins = units(pl.Series("text", [text.text for text in texts], dtype=pl.String), language)
    longest, least = units_of_words(size, language), _least(size, language)
    counts = np.diff(begins)
    lengths = np.minimum(counts, longest)
    enough = counts >= np.where([text.is_prompt for text in texts], least, longest)
    runs_each = np.where(enough, counts - lengths + 1, 0)
    starts = np.repeat(begins[:-1], runs_each) + _numbered(runs_each)
    each = np.repeat(lengths, runs_each)
    hashes = runs(values, starts, starts + each)
    rows, protected = {text.row for text in texts}, {text.row for text, fits in zip(texts, enough, strict=True) if fits}
    if not protected:
        raise InputError(
            f"{setting}: no overlap with {path} can be found: none of its {len(rows)} rows has a text of {SHORTEST} "
            "words; remove the file from the setting, or give longer prompts"
        )
    missing = len(rows - protected)
    too_short = f"{setting}: {missing} of {len(rows)} rows of {path} have too few words"
    return Ngrams(
        least=least,
        beginnings=np.unique(runs(values, starts, starts + least)),
        by_length={int(length): np.unique(hashes[each == length]) for length in np.unique(each)},
        rows=len(rows),
        unprotected_rows=missing,
        warnings=(f"{too_short}, so an overlap with them cannot be found",) if missing else (),
    )


def _with_cleaned(texts: list[Text], language: LanguageSettings) -> list[Text]:
    """The texts with normalised letters. If `cleaned_texts` changes a text, its cleaned form is added."""
    as_written = normalised(pl.Series("text", [text.text for text in texts], dtype=pl.String), language)
    cleaned = cleaned_texts(as_written, language)
    pairs = zip(texts, as_written, cleaned, strict=True)
    return [
        text._replace(text=form) for text, before, after in pairs for form in dict.fromkeys((before, after)) if form
    ]


def overlaps(texts: pl.Series, ngrams: Ngrams, language: LanguageSettings) -> pl.Series:
    """For each text, the first run of words that an evaluation text has too; null if there is none."""
    if not len(ngrams.beginnings):
        return pl.Series(texts.name, [None] * len(texts), dtype=pl.String)
    shared = [run for part in slices(texts) for run in _overlaps(part, ngrams, language)]
    return pl.Series(texts.name, shared, dtype=pl.String)


def _overlaps(texts: pl.Series, ngrams: Ngrams, language: LanguageSettings) -> list[str | None]:
    values, begins = units(texts, language)
    text, starts, lengths = _shared(values, begins, ngrams)
    shared: list[str | None] = [None] * len(texts)
    for number, start, length in zip(text, starts, lengths, strict=True):
        shared[number] = _words(texts[int(number)], int(start - begins[number]), int(length), language)
    return shared


def _shared(values: Numbers, begins: Places, ngrams: Ngrams) -> tuple[Places, Places, Places]:
    """The first shared run of each text that has one. Three arrays: number of the text, place and length of the run."""
    places = np.arange(max(len(values) - ngrams.least + 1, 0))
    places = places[_is_in(runs(values, places, places + ngrams.least), ngrams.beginnings)]
    text = np.searchsorted(begins, places, side="right") - 1
    lengths = np.zeros_like(places)
    for length, hashes in ngrams.by_length.items():
        fits = np.flatnonzero(places + length <= begins[text + 1])
        shared = _is_in(runs(values, places[fits], places[fits] + length), hashes)
        lengths[fits[shared]] = length
    text, places, lengths = text[lengths > 0], places[lengths > 0], lengths[lengths > 0]
    _, first = np.unique(text, return_index=True)
    return text[first], places[first], lengths[first]


def _is_in(hashes: Numbers, among: Numbers) -> npt.NDArray[np.bool_]:
    """Whether each hash is in the sorted array `among`.

    A table of the low bits in `among` first excludes nearly all hashes that are not in it.
    """
    bits = np.uint64((1 << max(len(among).bit_length() + 5, 16)) - 1)
    table = np.zeros(int(bits) + 1, np.bool_)
    table[among & bits] = True
    is_in = table[hashes & bits]
    maybe = np.flatnonzero(is_in)
    place = np.minimum(np.searchsorted(among, hashes[maybe]), len(among) - 1)
    is_in[maybe] = among[place] == hashes[maybe]
    return is_in


def _numbered(counts: Places) -> Places:
    """An array that counts from 0 to count - 1 for each of the `counts`, one after another."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _words(text: str, start: int, length: int, language: LanguageSettings) -> str:
    words = folded_words(text, language)
    if language.characters_per_word is None:
        return " ".join(words[start : start + length])
    return "".join(words)[start : start + length]
