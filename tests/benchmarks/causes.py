"""Why two verdicts differ: the words that the two sides split differently, named by the cause.

Rules and thresholds are the same on both sides. A document with the same words and another verdict would therefore be a
bug of ours, and it is named as such.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

import polars as pl

from x_instruction.language.settings import LanguageSettings
from x_instruction.words.split_words import words

LENGTH = "length counted by blanks"
SAME_WORDS = "same words"
NUMBER = re.compile(r"\d[,.:/]+\d")
SUFFIX = re.compile(r"^['’‘]\w+$")


def cause(
    text: str, reason: str | None, their_reason: str | None, theirs: list[str], language: LanguageSettings
) -> str:
    """The cause of most of the differing words. The reasons are why each side dropped the text."""
    if reason == "too_short" or their_reason == "gopher_short_doc":
        return LENGTH
    counts: Counter[str] = Counter()
    for our_part, their_part in differing(our_words(text, language), theirs):
        counts[_name(our_part, their_part)] += max(abs(len(our_part) - len(their_part)), 1)
    return counts.most_common(1)[0][0] if counts else SAME_WORDS


def our_words(text: str, language: LanguageSettings) -> list[str]:
    """The words in the order of the text. Between them there are only blanks."""
    (batch,) = words(pl.Series([text]), language)
    place, found = 0, []
    for length in batch.lengths:
        place += len(text[place:]) - len(text[place:].lstrip())
        found.append(text[place : place + length])
        place += length
    return found


def differing(ours: list[str], theirs: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    for kind, start, end, their_start, their_end in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind != "equal":
            yield ours[start:end], theirs[their_start:their_end]


def _name(ours: list[str], theirs: list[str]) -> str:
    if any("\n" in word for word in theirs):
        return "line end inside a word"
    if any(" " in word for word in theirs) and len(theirs) < len(ours):
        return "syllables joined by a model"
    if any("฀" <= character <= "๿" for word in ours for character in word):
        return "Thai clusters (letters out of order)"
    if any(SUFFIX.match(word) for word in theirs if word not in ours):
        return "apostrophe part of the next word"
    if any(NUMBER.search(word) for word in theirs) and "".join(ours) == "".join(theirs):
        return "signs between numbers and words"
    if len(theirs) < len(ours):
        return "signs part of words (code, addresses)"
    return "words cut at signs, abbreviations or units"
