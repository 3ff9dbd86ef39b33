"""Repairs wrongly decoded text, and removes control characters and superfluous spaces."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

import ftfy
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES

# Control characters except tab and line feed, and some invisible characters. Joiners (ZWJ, ZWNJ) and combining marks
# stay, because Indic and Thai spelling needs them.
CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff\u00ad\u2060\u200b\u200e\u200f\u202a-\u202e\ud800-\udfff]"
)
FENCE = re.compile(r"[ ]*```")
TAB = "    "
# A page that was escaped twice has entities within words ("T&uuml;rk"), as 144 of 2,940 Turkish pages have. An entity
# between spaces stays, because it may be the subject of a lesson on HTML. &lt; and &amp; stay, because they belong to
# code.
NAME = r"(?:[A-Za-z]{2,30}|#\d{2,6});"
# Python's \w does not match the vowel signs of Indic scripts and of Thai.
MARKS = "".join(filter(lambda character: unicodedata.category(character)[0] == "M", map(chr, range(0x300, 0x10000))))
WORD = rf"[\w{MARKS}]"
# The pattern begins with a plain &, which makes the search 16 times as fast.
ENTITY = re.compile(rf"&(?:(?<={WORD}&){NAME}|{NAME}(?={WORD}))")

# ftfy's expression for mojibake (wrongly decoded text) tries 40 alternatives at each character, which takes 0.8 ms per
# page. Each alternative contains one of these rare characters and reaches at most REACH characters to either side, so
# only the text around them is searched.
TELLTALES = re.compile(
    "[{c1}{bad}{law}{currency}{start_punctuation}{end_punctuation}{numeric}{upper_accented}{box}œ°ÙЂ]".format(
        **MOJIBAKE_CATEGORIES
    )
)
REACH = 6


def normalise(text: str) -> str:
    """Writes a text in NFC with one paragraph per line, without control characters or repeated spaces.

    Wrongly decoded text (mojibake) is repaired. Code between Markdown fences keeps its indentation, which Python code
    needs. Only ftfy's `fix_encoding` is used, because it does not change quotation marks, full-width characters or
    ligatures.
    """
    text = ftfy.fix_encoding(text) if looks_garbled(text) else text
    if "\r" in text or "\u2028" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    text = ENTITY.sub(_character, text) if "&" in text else text
    text = CONTROLS.sub("", unicodedata.normalize("NFC", text).replace("\t", TAB))
    lines = _lines_with_code(text) if "```" in text else map(_single_blanks, text.split("\n"))
    return "\n".join(filter(None, lines))


def looks_garbled(text: str) -> bool:
    """Whether `ftfy.badness.is_bad` finds mojibake. Only the text around the telltale characters is searched."""
    return any(
        BADNESS_RE.search(text, max(0, found.start() - REACH), found.end() + REACH)
        for found in TELLTALES.finditer(text)
    )


def _single_blanks(line: str) -> str:
    # The plain space is the only white space that is printable. Most lines pass this check, which takes half the time
    # of splitting them.
    if line.isprintable() and "  " not in line and line[:1] != " " and line[-1:] != " ":
        return line
    return " ".join(line.split())


def _lines_with_code(text: str) -> Iterator[str]:
    """Yields the lines with single spaces. Lines of code keep their indentation relative to the fence."""
    code, margin = False, 0
    for line in text.split("\n"):
        bare = _single_blanks(line)
        indent = len(line) - len(line.lstrip())
        if FENCE.match(line):
            code, margin = not code, indent
            yield bare
        else:
            yield " " * max(indent - margin, 0) + bare if code and bare else bare


def _character(entity: re.Match[str]) -> str:
    """The character that an entity names if it is beyond ASCII; otherwise the entity itself."""
    named = html.unescape(entity.group())
    return named if len(named) == 1 and not named.isascii() else entity.group()
