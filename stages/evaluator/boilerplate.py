"""Boilerplate as a defect: a site's notices stand in the place of some sentences of a text. How is ours.

A phrase is either taught or measured, never both, and so are all that share a stem with it ("evästeet", "evästeitä"):
a figure on the measured ones then says whether boilerplate is known for what it is, not whether its words were seen.
Looks and places are the same on both sides.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from x_instruction.language.sentences import marks
from x_instruction.language.settings import load_language
from x_instruction.runner.files import digest

STEM = 5  # characters; shorter words tell no topic. The largest group has 4 of the 25 to 34 phrases of a language
WORD = re.compile(r"[^\s.,']+")
PHRASES = (3, 6)  # said in a text; pages of notices have more, and then there is no text left
CLOSING = set(marks()) - set("!?…؟")
BETWEEN = {"sentences": " ", "lines": "\n", "row": " | "}


@cache
def taught_and_measured(language: str, pages: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The language's boilerplate phrases in two halves without a common stem, in the order of a hash."""
    taught: list[str] = []
    measured: list[str] = []
    phrases = [phrase.strip(" .,") for phrase in load_language(language, pages).boilerplate]
    for group in sorted(groups(phrases), key=lambda group: digest(min(group))):
        min(taught, measured, key=len).extend(group)
    return tuple(taught), tuple(measured)


def groups(phrases: Sequence[str]) -> list[list[str]]:
    """Phrases that share the first STEM letters of a word, directly or by way of others, are together."""
    found: list[tuple[set[str], list[str]]] = []
    for phrase in dict.fromkeys(phrases):
        stems = {word[:STEM] for word in WORD.findall(phrase) if len(word) >= STEM} or {phrase}
        near = [one for one in found if one[0] & stems]
        found = [one for one in found if not one[0] & stems]
        found.append((stems.union(*(one[0] for one in near)), [*(said for one in near for said in one[1]), phrase]))
    return [members for _, members in found]


def with_notices(sentences: Sequence[str], phrases: Sequence[str], choose: random.Random) -> str | None:
    """Phrases after, before or amid the text, in the place of sentences there, its length about kept.

    They are sentences of their own, lines, or items of a row. None: there are no phrases.
    """
    if not phrases:
        return None
    said = [phrase[0].upper() + phrase[1:] for phrase in choose.sample(phrases, _number(phrases, choose))]
    look = choose.choice(("sentences", "lines", "row"))
    closing = _closing(sentences) if look == "sentences" else ""
    notice = BETWEEN[look].join(phrase + closing for phrase in said)
    before, after = _parted(sentences, choose.choice(("after", "before", "amid")), len(notice), choose)
    return ("\n" if look == "lines" else " ").join(filter(None, [" ".join(before), notice, " ".join(after)]))


def _number(phrases: Sequence[str], choose: random.Random) -> int:
    return min(len(phrases), choose.randint(*PHRASES))


def _parted(
    sentences: Sequence[str], place: str, room: float, choose: random.Random
) -> tuple[Sequence[str], Sequence[str]]:
    """What stays before and after the place when sentences there make `room`; one stays in any case."""
    at = {"after": len(sentences), "before": 0, "amid": choose.randint(1, max(1, len(sentences) - 1))}[place]
    before, after = list(sentences[:at]), list(sentences[at:])
    while len(before) + len(after) > 1 and room > 0:
        beside = after if len(after) > (place == "amid") or not before else before
        room -= len(beside.pop(0 if beside is after else -1))
    return before, after


def _closing(sentences: Sequence[str]) -> str:
    """The full stop of the text; none where it has none, as in Thai."""
    return next((one[-1] for one in sentences if one[-1] in CLOSING), "")
