"""The boilerplate defect: a site's notices replace some sentences of a text (our design).

The phrases of a language are split into a half for training and a half for measuring. Phrases that share a word stem
("evästeet", "evästeitä") go to the same half. So the figure on held-out pairs shows whether the evaluator recognizes
boilerplate in general, not whether it learned the phrases. Phrases of both halves are inserted in the same layouts and
at the same places.
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

# This many characters at the beginning of a word are compared. Shorter words are ignored: they rarely name a topic.
STEM = 5
WORD = re.compile(r"[^\s.,']+")
PHRASES = (3, 6)  # least and greatest number of notices in a text; with more, no text would be left
CLOSING = set(marks()) - set("!?…؟")
SEPARATORS = {"sentences": " ", "lines": "\n", "row": " | "}


@cache
def split_phrases(language: str, pages: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The language's boilerplate phrases for training, and those for measuring."""
    training: list[str] = []
    held_out: list[str] = []
    phrases = [phrase.strip(" .,") for phrase in load_language(language, pages).boilerplate]
    for group in sorted(groups_by_stem(phrases), key=lambda group: digest(min(group))):
        min(training, held_out, key=len).extend(group)
    return tuple(training), tuple(held_out)


def groups_by_stem(phrases: Sequence[str]) -> list[list[str]]:
    """Groups of phrases. Two phrases that share the first STEM letters of a word are in the same group."""
    groups: list[tuple[set[str], list[str]]] = []
    for phrase in dict.fromkeys(phrases):
        stems = {word[:STEM] for word in WORD.findall(phrase) if len(word) >= STEM} or {phrase}
        joined = [group for group in groups if group[0] & stems]
        groups = [group for group in groups if not group[0] & stems]
        members = [member for _, phrases_of_group in joined for member in phrases_of_group]
        groups.append((stems.union(*(group_stems for group_stems, _ in joined)), [*members, phrase]))
    return [members for _, members in groups]


def with_notices(sentences: Sequence[str], phrases: Sequence[str], choose: random.Random) -> str | None:
    """The text with notices after, before or between its sentences, in place of some of the sentences.

    The notices form sentences, lines, or a row with bars between them, and the text's length stays about the same.
    Returns None if there are no phrases.
    """
    if not phrases:
        return None
    number = min(len(phrases), choose.randint(*PHRASES))
    chosen = [phrase[0].upper() + phrase[1:] for phrase in choose.sample(phrases, number)]
    layout = choose.choice(tuple(SEPARATORS))
    closing = _closing(sentences) if layout == "sentences" else ""
    notice = SEPARATORS[layout].join(phrase + closing for phrase in chosen)
    before, after = _around(sentences, choose.choice(("after", "before", "amid")), len(notice), choose)
    return ("\n" if layout == "lines" else " ").join(filter(None, [" ".join(before), notice, " ".join(after)]))


def _around(
    sentences: Sequence[str], place: str, room: float, choose: random.Random
) -> tuple[Sequence[str], Sequence[str]]:
    """The sentences before and after the notice.

    Sentences beside the notice are removed to free `room` characters, but one sentence must stay.
    """
    at = {"after": len(sentences), "before": 0, "amid": choose.randint(1, max(1, len(sentences) - 1))}[place]
    before, after = list(sentences[:at]), list(sentences[at:])
    while len(before) + len(after) > 1 and room > 0:
        beside = after if len(after) > (place == "amid") or not before else before
        room -= len(beside.pop(0 if beside is after else -1))
    return before, after


def _closing(sentences: Sequence[str]) -> str:
    """The text's full stop, or "" if the text has none, as in Thai."""
    return next((sentence[-1] for sentence in sentences if sentence[-1] in CLOSING), "")
