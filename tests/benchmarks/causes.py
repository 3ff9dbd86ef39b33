"""Explains why two verdicts on a text differ: which rule made the two sides split the text into different words.

The two sides are this project and datatrove, with the same rules and thresholds. If both sides find the same words in a
document but their verdicts differ, the project has a fault, and the cause is "same words".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

import polars as pl

from x_instruction.language.settings import LanguageSettings
from x_instruction.words.split_words import split

LENGTH = "the number of words, which we count by spaces"
SAME_WORDS = "same words"
NUMBER = re.compile(r"\d[,.:/]+\d")
SUFFIX = re.compile(r"^['’‘]\w+$")


def cause(
    text: str, reason: str | None, their_reason: str | None, theirs: list[str], language: LanguageSettings
) -> str:
    """The cause of most of the differing words.

    `reason` and `their_reason` say why this project and datatrove drop the text; None means that it is kept. A text
    that one side drops as too short has the cause LENGTH. Without differing words, the cause is SAME_WORDS.
    """
    if reason == "too_short" or their_reason == "gopher_short_doc":
        return LENGTH
    causes: Counter[str] = Counter()
    for our_part, their_part in differing(our_words(text, language), theirs):
        causes[_name(our_part, their_part)] += max(abs(len(our_part) - len(their_part)), 1)
    return causes.most_common(1)[0][0] if causes else SAME_WORDS


def our_words(text: str, language: LanguageSettings) -> list[str]:
    """The words and punctuation marks into which this project splits a text; only white space lies between them."""
    (batch,) = split(pl.Series([text]), language)
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
    """The cause for one stretch of text, given the words into which each side splits it."""
    if any("\n" in word for word in theirs):
        return "a line end inside a word"
    if any(" " in word for word in theirs) and len(theirs) < len(ours):
        return "syllables joined by a model"
    if any("฀" <= sign <= "๿" for word in ours for sign in word):
        return "Thai clusters (letters out of order)"
    if any(SUFFIX.match(word) for word in theirs if word not in ours):
        return "suffixes that are cut off at an apostrophe"
    if any(NUMBER.search(word) for word in theirs) and "".join(ours) == "".join(theirs):
        return "punctuation between numbers and words"
    if len(theirs) < len(ours):
        return "punctuation inside words (code, addresses)"
    return "words cut at punctuation, abbreviations or units"
