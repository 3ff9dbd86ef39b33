"""Finds texts that share a run of words with an evaluation set.

Words are those of the language's own cutter (x_instruction/words/units.py) on both sides, in folded form. Where no
spaces separate words, a run is as many characters as the words have: wherever a dictionary began to cut, the same
characters are found.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.folding import folded_words
from x_instruction.language.letters import normalised
from x_instruction.language.settings import LanguageSettings
from x_instruction.runner.errors import InputError
from x_instruction.words.units import Numbers, Places, runs, slices, units, units_of_words

FIELDS = ("prompt", "question", "instruction", "text")
# A very short prompt ("Why?") occurs in many texts by chance. The limit in words is ours.
SHORTEST = 4


class Ngrams(NamedTuple):
    """Runs of evaluation prompts: sorted hashes by length in units, and of the first `least` units of each run."""

    least: int
    beginnings: Numbers
    by_length: dict[int, Numbers]


NO_NGRAMS = Ngrams(1, np.zeros(0, np.uint64), {})


def evaluation_ngrams(
    paths: list[Path], size: int, language: LanguageSettings, setting: str = "decontaminate_against"
) -> Ngrams:
    """The runs of `size` words of the prompts in JSONL files; a shorter prompt of at least SHORTEST words is one run.

    Raises InputError, which names the setting, if a file does not exist or holds no prompts.
    """
    prompts = pl.Series("text", [text for path in paths for text in _prompts(path, setting)], dtype=pl.String)
    values, begins = units(normalised(prompts, language), language)
    longest = units_of_words(size, language)
    least = min(units_of_words(SHORTEST, language), longest)
    counts = np.diff(begins)
    lengths = np.minimum(counts, longest)
    runs_each = np.where(counts < least, 0, counts - lengths + 1)
    starts = np.repeat(begins[:-1], runs_each) + _numbered(runs_each)
    each = np.repeat(lengths, runs_each)
    hashes = runs(values, starts, starts + each)
    by_length = {int(length): np.unique(hashes[each == length]) for length in np.unique(each)}
    return Ngrams(least, np.unique(runs(values, starts, starts + least)), by_length)


def overlaps(texts: pl.Series, ngrams: Ngrams, language: LanguageSettings) -> pl.Series:
    """For each text the first run of words that is among `ngrams`; null if there is none."""
    if not len(ngrams.beginnings):
        return pl.Series(texts.name, [None] * len(texts), dtype=pl.String)
    found = [run for part in slices(texts) for run in _overlaps(part, ngrams, language)]
    return pl.Series(texts.name, found, dtype=pl.String)


def _overlaps(texts: pl.Series, ngrams: Ngrams, language: LanguageSettings) -> list[str | None]:
    values, begins = units(texts, language)
    text, starts, lengths = _shared(values, begins, ngrams)
    found: list[str | None] = [None] * len(texts)
    for number, start, length in zip(text, starts, lengths, strict=True):
        found[number] = _words(texts[int(number)], int(start - begins[number]), int(length), language)
    return found


def _shared(values: Numbers, begins: Places, ngrams: Ngrams) -> tuple[Places, Places, Places]:
    """The first shared run of each text that has one: number of the text, place of the run, its length."""
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
    """Whether each hash is among sorted ones. A table of their low bits first rules out nearly all."""
    bits = np.uint64((1 << max(len(among).bit_length() + 5, 16)) - 1)
    table = np.zeros(int(bits) + 1, np.bool_)
    table[among & bits] = True
    found = table[hashes & bits]
    maybe = np.flatnonzero(found)
    place = np.minimum(np.searchsorted(among, hashes[maybe]), len(among) - 1)
    found[maybe] = among[place] == hashes[maybe]
    return found


def _numbered(counts: Places) -> Places:
    """0, 1, … for each of the counts."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _words(text: str, start: int, length: int, language: LanguageSettings) -> str:
    words = folded_words(text, language)
    if language.characters_per_word is None:
        return " ".join(words[start : start + length])
    return "".join(words)[start : start + length]


def _prompts(path: Path, setting: str) -> list[str]:
    if not path.exists():
        raise InputError(f"{setting}: {path} does not exist; remove it from the setting or add the file")
    try:
        table = pl.read_ndjson(path, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{setting}: {path} is not JSONL: {' '.join(str(error).split())[:200]}") from None
    field = next((name for name in FIELDS if name in table.columns), None)
    if field is None:
        raise InputError(
            f"{setting}: {path} has none of the columns {', '.join(FIELDS)}; rename the column of the prompts"
        )
    return [text for text in table[field].to_list() if text]
