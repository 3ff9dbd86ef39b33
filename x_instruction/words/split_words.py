"""Splits texts into tokens (words and punctuation marks), in one compiled pass, as flat arrays.

A word is a run of letters, combining marks and digits. A punctuation mark joins the letters or digits on both sides
into one word if it is one of the language's `word_joiners` ("Ankara'da", "www.example.org"), if it is one of the
`mixed_joiners` between a letter and a digit ("COVID-19"), or if it is a mark of NUMBER_JOINERS between two digits
("1,5"). Other punctuation marks are separate tokens, and so is a run of full stops; LanguageSettings lists the
exceptions. The word splitters of spaCy and indic-nlp, with which FineWeb-2's thresholds were found, have similar rules.
Thai is split by a dictionary, and other scripts without spaces into runs of a fixed length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.folding import folds
from x_instruction.language.settings import LanguageSettings
from x_instruction.words import thai
from x_instruction.words.characters import (
    CODE_POINTS,
    IN_WORD,
    LETTER,
    SPACE,
    Batch,
    Points,
    Starts,
    batches,
    is_digit,
    kind,
    kinds,
)
from x_instruction.words.compiled import compiled
from x_instruction.words.hashing import Keys, folded_hash, hash_of, word_hash

# Flags of a token. HAS_LETTER: the token has a letter. IS_WORD: the token has a letter, combining mark or digit, so it
# is a word and not punctuation.
HAS_LETTER, IS_WORD = 1, 2
# Flags for the roles of a character in a language. INSIDE: it is a part of words. JOINS: it joins the characters on
# both sides into one word. JOINS_MIXED: it joins a letter and a digit. RUNS: several in a row are one token (full
# stops). ENDS_NUMBERS: it belongs to the number before it.
INSIDE, JOINS, JOINS_MIXED, RUNS, ENDS_NUMBERS = 1, 2, 4, 8, 16
POINT, HYPHEN = 0x2E, 0x2D
# The characters , . / : and – join digits in every language whose words are separated by spaces.
NUMBER_JOINERS = (0x2C, 0x2E, 0x2F, 0x3A, 0x2013)


class Tokens(NamedTuple):
    """The tokens of a batch; the tokens of text i are at `starts[i]:starts[i + 1]`. Lengths are in characters."""

    hashes: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.int32]
    kinds: npt.NDArray[np.uint8]
    starts: Starts


def split(texts: pl.Series, language: LanguageSettings, *, fold: bool = False) -> Iterator[Tokens]:
    """Yields the tokens of the texts in order, batch by batch. With `fold`, the hashes are those of folded words."""
    table = folds(language.capitals) if fold else np.zeros(0, np.uint32)
    roles = _roles(language)
    abbreviations = np.array(sorted(word_hash(word) for word in language.abbreviations), np.uint64)
    for batch in batches(texts):
        yield Tokens(*_split(*batch, kinds(), _ends(batch, language), roles, abbreviations, table))


def _ends(batch: Batch, language: LanguageSettings) -> npt.NDArray[np.int32]:
    """The end of the word that begins at each place, if no spaces separate words; otherwise an empty array."""
    if language.words == "thai":
        return thai.word_ends(*batch)
    if language.words == "characters":
        return _ends_of_runs(*batch, kinds(), max(round(language.characters_per_word or 1), 1))
    return np.zeros(0, np.int32)


@compiled
def _ends_of_runs(points: Points, starts: Starts, flags: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.int32]:
    """The end of each token: a run of up to `size` letters, combining marks and digits, or one other character."""
    ends = np.zeros(points.size, np.int32)
    for text in range(starts.size - 1):
        place, end = starts[text], starts[text + 1]
        while place < end:
            first = place
            while place < min(first + size, end) and kind(flags, points[place]) & IN_WORD:
                place += 1
            place = max(place, first + 1)
            ends[first] = place
    return ends


def _roles(language: LanguageSettings) -> npt.NDArray[np.uint8]:
    """An array with the roles of each code point in the language (see LanguageSettings), as flags."""
    inside = (kinds() & IN_WORD) > 0
    if language.dividing_signs is not None:
        inside |= (kinds() & SPACE) == 0
        inside[[ord(mark) for mark in language.dividing_signs]] = False
    roles = np.where(inside, np.uint8(INSIDE), np.uint8(0))
    roles[[ord(mark) for mark in language.word_joiners]] |= JOINS
    roles[[ord(mark) for mark in language.mixed_joiners]] |= JOINS_MIXED
    roles[POINT] |= RUNS if language.dividing_signs is None else 0
    roles[POINT] |= ENDS_NUMBERS if language.numbers_keep_points else 0
    return roles


@compiled
def _has(roles: npt.NDArray[np.uint8], point: int, role: int) -> bool:
    return (roles[point] & role) > 0 if point < CODE_POINTS else role == INSIDE


@compiled
def _makes_one_word(before: int, mark: int, after: int, roles: npt.NDArray[np.uint8]) -> bool:
    """Whether a mark joins the two word characters around it."""
    first, second = is_digit(before), is_digit(after)
    if first and second and mark in NUMBER_JOINERS:
        return True
    return _has(roles, mark, JOINS) or (first != second and _has(roles, mark, JOINS_MIXED))


@compiled
def _end_of_token(
    points: Points, first: int, start: int, end: int, roles: npt.NDArray[np.uint8], abbreviations: Keys
) -> int:
    """The end of the token that begins at `first` in the text `points[start:end]`."""
    place, begins = first + 1, points[first]
    hyphens_belong = _has(roles, HYPHEN, JOINS | JOINS_MIXED)
    hyphen = begins == HYPHEN and hyphens_belong and place < end and _has(roles, points[place], INSIDE)
    hyphen &= first == start or not _has(roles, points[first - 1], INSIDE)
    if not hyphen and not _has(roles, begins, INSIDE):
        while begins == POINT and _has(roles, POINT, RUNS) and place < end and points[place] == POINT:
            place += 1
        return place
    while place < end:
        point = points[place]
        if not _has(roles, point, INSIDE):
            followed = place + 1 < end and _has(roles, points[place + 1], INSIDE)
            if not followed or not _makes_one_word(points[place - 1], point, points[place + 1], roles):
                break
        place += 1
    if place < end and points[place] == HYPHEN and hyphens_belong:
        return place + (place + 1 == end or not _has(roles, points[place + 1], INSIDE))
    return place + _point_belongs(points, first, place, end, roles, abbreviations)


@compiled
def _point_belongs(
    points: Points, first: int, past: int, end: int, roles: npt.NDArray[np.uint8], abbreviations: Keys
) -> bool:
    """Whether a full stop after the word `points[first:past]` belongs to it, as in an abbreviation or a number."""
    if past == end or points[past] != POINT:
        return False
    digits = _has(roles, POINT, ENDS_NUMBERS)
    for place in range(first, past):
        digits &= is_digit(points[place])
    if digits or abbreviations.size == 0:
        return bool(digits)
    key = hash_of(points, first, past + 1)
    known = np.searchsorted(abbreviations, key)
    return bool(known < abbreviations.size and abbreviations[known] == key)


@compiled
def _split(
    points: Points,
    starts: Starts,
    flags: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int32],
    roles: npt.NDArray[np.uint8],
    abbreviations: Keys,
    table: Points,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32], npt.NDArray[np.uint8], Starts]:
    hashes, lengths = np.empty(points.size, np.uint64), np.empty(points.size, np.int32)
    marks, firsts = np.empty(points.size, np.uint8), np.zeros(starts.size, np.int64)
    count = 0
    for text in range(starts.size - 1):
        place, end = starts[text], starts[text + 1]
        while place < end:
            past = ends[place] if ends.size else _end_of_token(points, place, starts[text], end, roles, abbreviations)
            first, last = place, past
            while first < past and kind(flags, points[first]) & SPACE:
                first += 1
            while first < last and kind(flags, points[last - 1]) & SPACE:
                last -= 1
            place = past
            if first == last:
                continue
            seen_flags = 0
            for inside in range(first, last):
                seen_flags |= kind(flags, points[inside])
            marks[count] = (HAS_LETTER if seen_flags & LETTER else 0) | (IS_WORD if seen_flags & IN_WORD else 0)
            hashes[count] = folded_hash(points, first, last, table) if table.size else hash_of(points, first, last)
            lengths[count] = last - first
            count += 1
        firsts[text + 1] = count
    return hashes[:count], lengths[:count], marks[:count], firsts
