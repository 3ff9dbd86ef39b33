"""Why two verdicts differ: which words the two sides cut otherwise, named by the rule of a splitter that did it.

All rules and thresholds are the same, so a document whose words are the same and whose verdict is not would be a
fault of ours; it is named as such.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

import polars as pl

from x_instruction.language.settings import LanguageSettings
from x_instruction.words.split_words import words

# Of a stretch that the two cut otherwise, both joined without blanks: the first that fits names its cause.
LENGTH = "length counted by blanks"
SAME_WORDS = "same words"
NUMBER = re.compile(r"\d[,.:/]+\d")
SUFFIX = re.compile(r"^['’‘]\w+$")


def cause(
    text: str, reason: str | None, their_reason: str | None, theirs: list[str], language: LanguageSettings
) -> str:
    """Name of what most words that differ come from; the reasons are those for dropping the text."""
    if reason == "too_short" or their_reason == "gopher_short_doc":
        return LENGTH
    met: Counter[str] = Counter()
    for our_part, their_part in differing(our_words(text, language), theirs):
        met[_name(our_part, their_part)] += max(abs(len(our_part) - len(their_part)), 1)
    return met.most_common(1)[0][0] if met else SAME_WORDS


def our_words(text: str, language: LanguageSettings) -> list[str]:
    """The words as they stand in the text; they follow each other, with nothing but blanks between them."""
    (batch,) = words(pl.Series([text]), language)
    place, found = 0, []
    for length in batch.lengths:
        place += len(text[place:]) - len(text[place:].lstrip())
        found.append(text[place : place + length])
        place += length
    return found


def differing(ours: list[str], theirs: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    for kind, first, past, their_first, their_past in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind != "equal":
            yield ours[first:past], theirs[their_first:their_past]


def _name(ours: list[str], theirs: list[str]) -> str:
    if any("\n" in word for word in theirs):
        return "line end inside a word"
    if any(" " in word for word in theirs) and len(theirs) < len(ours):
        return "syllables joined by a model"
    if any("฀" <= sign <= "๿" for word in ours for sign in word):
        return "Thai clusters (letters out of order)"
    if any(SUFFIX.match(word) for word in theirs if word not in ours):
        return "apostrophe part of the next word"
    if any(NUMBER.search(word) for word in theirs) and "".join(ours) == "".join(theirs):
        return "signs between numbers and words"
    if len(theirs) < len(ours):
        return "signs part of words (code, addresses)"
    return "words cut at signs, abbreviations or units"
