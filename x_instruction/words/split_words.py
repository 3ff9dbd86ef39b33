"""Words of texts as flat arrays, cut in one compiled pass: what counts of words and n-grams are made from.

A word is a run of letters, marks and digits, which the language's `word_joiners` may join ("Ankara'da",
"www.example.org"), and some signs numbers ("1,5"); any other sign is a word of its own, and so is a run of points: as
in the word splitters of spaCy and indic-nlp, by which FineWeb-2's thresholds were found. Thai is cut by a dictionary,
Vietnamese joined of syllables by a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from x_instruction.language.settings import LanguageSettings
from x_instruction.words import thai as thai_words
from x_instruction.words import vietnamese as vietnamese_words
from x_instruction.words.characters import CODE_POINTS, IN_WORD, LETTER, SPACE, Batch, batches, kinds
from x_instruction.words.compiled import compiled

# Of a word: it holds a letter; it holds a letter or a digit, so is no lone sign.
HAS_LETTER, NO_SIGN = 1, 2
POINT, HYPHEN = 0x2E, 0x2D
OFFSET, PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)


class Words(NamedTuple):
    """Words of a batch; those of text i are at starts[i]:starts[i + 1]. Hashes are never zero."""

    hashes: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.int32]
    kinds: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]


def words(texts: pl.Series, language: LanguageSettings) -> Iterator[Words]:
    signs = _signs(language)
    for batch in batches(texts):
        yield Words(*_cut(batch.points, batch.starts, kinds(), _ends(batch, language), signs))


def _ends(batch: Batch, language: LanguageSettings) -> npt.NDArray[np.int32]:
    """Where words end that signs and blanks do not tell; empty where they do."""
    if not language.spaces_between_words:
        return thai_words.word_ends(*batch)
    if language.joins_syllables:
        return vietnamese_words.word_ends(*batch)
    return np.zeros(0, np.int32)


class Signs(NamedTuple):
    """What signs do in a language's words (see LanguageSettings); `inside` are the code points that words are of."""

    joiners: npt.NDArray[np.uint32]
    mixed_joiners: npt.NDArray[np.uint32]
    points_run_together: bool
    hyphens_belong: bool
    numbers_keep_points: bool
    abbreviations: npt.NDArray[np.uint64]
    inside: npt.NDArray[np.bool_]


def _signs(language: LanguageSettings) -> Signs:
    joiners, mixed = (
        np.array([ord(sign) for sign in signs], np.uint32) for signs in (language.word_joiners, language.mixed_joiners)
    )
    abbreviations = np.array(sorted(word_hash(word) for word in language.abbreviations), np.uint64)
    inside = (kinds() & IN_WORD) > 0
    if language.dividing_signs is not None:
        inside |= (kinds() & SPACE) == 0
        inside[[ord(sign) for sign in language.dividing_signs]] = False
    return Signs(
        joiners,
        mixed,
        points_run_together=language.dividing_signs is None,
        hyphens_belong="-" in language.word_joiners + language.mixed_joiners,
        numbers_keep_points=language.numbers_keep_points,
        abbreviations=abbreviations,
        inside=inside,
    )


def word_hash(word: str) -> int:
    key = int(OFFSET)
    for character in word:
        key = ((key ^ ord(character)) * int(PRIME)) & 0xFFFFFFFFFFFFFFFF
    return key | 1


@compiled
def _is_digit(point: int) -> bool:
    return 0x30 <= point <= 0x39


@compiled
def _joins(before: int, sign: int, after: int, signs: Signs) -> bool:
    """Whether a sign between two characters of words makes one word of them: a joiner, or , . / : – between digits."""
    first, second = _is_digit(before), _is_digit(after)
    if first and second and sign in (0x2C, 0x2E, 0x2F, 0x3A, 0x2013):
        return True
    for joiner in signs.joiners:
        if sign == joiner:
            return True
    for joiner in signs.mixed_joiners:  # noqa: SIM110 - any() over a generator does not compile
        if sign == joiner and first != second:
            return True
    return False


@compiled
def _flags(flags: npt.NDArray[np.uint8], point: int) -> int:
    return flags[point] if point < CODE_POINTS else LETTER | IN_WORD


@compiled
def _inside(point: int, signs: Signs) -> bool:
    return point >= CODE_POINTS or signs.inside[point]


@compiled
def _end_of_word(points: npt.NDArray[np.uint32], first: int, start: int, end: int, signs: Signs) -> int:
    """Where the word or run of points that begins at a place of the text points[start:end] ends."""
    place, begins = first + 1, points[first]
    left_out = begins == HYPHEN and signs.hyphens_belong and place < end and _inside(points[place], signs)
    left_out &= first == start or not _inside(points[first - 1], signs)
    if not left_out and not _inside(begins, signs):
        while signs.points_run_together and begins == POINT and place < end and points[place] == POINT:
            place += 1
        return place
    while place < end:
        point = points[place]
        if not _inside(point, signs):
            joined = place + 1 < end and _inside(points[place + 1], signs)
            if not joined or not _joins(points[place - 1], point, points[place + 1], signs):
                break
        place += 1
    if place < end and points[place] == HYPHEN and signs.hyphens_belong:
        return place + (place + 1 == end or not _inside(points[place + 1], signs))
    return place + _keeps_point(points, first, place, end, signs)


@compiled
def _keeps_point(points: npt.NDArray[np.uint32], first: int, past: int, end: int, signs: Signs) -> bool:
    """Whether the point behind a word is part of it: of a known abbreviation, or of a number."""
    if past == end or points[past] != POINT:
        return False
    key, digits = OFFSET, signs.numbers_keep_points
    for place in range(first, past + 1):
        key = (key ^ np.uint64(points[place])) * PRIME
        digits &= place == past or _is_digit(points[place])
    known = np.searchsorted(signs.abbreviations, key | np.uint64(1))
    return bool(digits or (known < signs.abbreviations.size and signs.abbreviations[known] == key | np.uint64(1)))


@compiled
def _cut(
    points: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int32],
    signs: Signs,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32], npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    hashes, lengths = np.empty(points.size, np.uint64), np.empty(points.size, np.int32)
    marks, firsts = np.empty(points.size, np.uint8), np.zeros(starts.size, np.int64)
    count = 0
    for text in range(starts.size - 1):
        place, end = starts[text], starts[text + 1]
        while place < end:
            past = ends[place] if ends.size else _end_of_word(points, place, starts[text], end, signs)
            first, last = place, past
            while first < past and _flags(flags, points[first]) & SPACE:
                first += 1
            while first < last and _flags(flags, points[last - 1]) & SPACE:
                last -= 1
            place = past
            if first == last:
                continue
            key, mark = OFFSET, 0
            for inside in range(first, last):
                point = points[inside]
                key = (key ^ np.uint64(point)) * PRIME
                one = _flags(flags, point)
                mark |= (HAS_LETTER if one & LETTER else 0) | (NO_SIGN if one & IN_WORD else 0)
            hashes[count], lengths[count], marks[count] = key | np.uint64(1), last - first, mark
            count += 1
        firsts[text + 1] = count
    return hashes[:count], lengths[:count], marks[:count], firsts
