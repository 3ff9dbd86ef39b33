"""Limits on what a page may hold, and may cost. A page beyond one of them is refused before it is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What begins with <: a comment, an element whose content is no markup, or another element.
OPENING = re.compile(r"<(?:!--|(script|style|textarea|title)\b|[A-Za-z])", re.IGNORECASE)
# The rest of an element's beginning, with its attributes. A quotation mark counts only after "=", as in browsers.
# Nothing is tried twice, so the search is linear.
ATTRIBUTES = re.compile(r"(?:=\s*+(?:\"[^\"]*+\"|'[^']*+')|[^>=]++|=)*+")
QUOTED = re.compile(r"=\s*+(?:\"[^\"]*+\"|'[^']*+')")
ATTRIBUTE = re.compile(r"[\s/_][^\s=<>/_]")
# Characters that are counted as a megabyte's part at least: the first page of a process takes 0.1 s.
LEAST_CHARACTERS = 100_000


class LimitError(Exception):
    """A page has more elements or attributes, or took more time, than the limits allow."""


@dataclass(frozen=True)
class Limits:
    """What a page may hold and cost. The parser compares an element's attributes in pairs, and so does the search for
    the main text with elements: 45,000 attributes take 15 s, 286,000 paragraphs of one letter minutes.

    Of 967 real pages the largest has about 3,000 elements, and 89 attributes in one of them.
    """

    max_nesting: int = 200
    """libxml2 does not parse below 255 levels, and trafilatura needs up to 6 s for a page nested that deep."""
    max_elements: int = 30_000
    max_attributes: int = 500
    """Attributes of an element."""
    max_seconds_per_megabyte: int = 20
    """Processor time for a million characters; a page of fewer than LEAST_CHARACTERS counts as that many. Real pages
    take at most 0.4 s."""

    def seconds(self, text: str) -> float:
        """Processor time that the page may take."""
        return max(len(text), LEAST_CHARACTERS) / 1e6 * self.max_seconds_per_megabyte


def check_size(text: str, limits: Limits) -> None:
    """Raises LimitError if the page has too many elements, or an element has too many attributes."""
    elements, at = 0, 0
    while found := OPENING.search(text, at):
        if found[0] == "<!--":
            at = text.find("-->", found.end())
        else:
            elements += 1
            at = _end_of_element(text, found, limits.max_attributes)
        if elements > limits.max_elements:
            raise LimitError(f"more than {limits.max_elements} elements")
        if at < 0:  # the rest is a comment or a script
            return


def _end_of_element(text: str, opening: re.Match[str], most: int) -> int:
    """Where the beginning of an element ends, or the content of a script; -1 if nothing ends it."""
    found = ATTRIBUTES.match(text, opening.end())
    end = found.end() if found else opening.end()
    if end - opening.end() > 2 * most:
        # A value in quotes may contain anything, and the next attribute may follow it without a space.
        names = QUOTED.sub("_", text[opening.end() : end])
        if sum(1 for _ in ATTRIBUTE.finditer(names)) > most:
            raise LimitError(f"an element with more than {most} attributes")
    if opening[1] is None:
        return end
    close = re.compile(rf"</{opening[1]}", re.IGNORECASE).search(text, end)
    return close.end() if close else -1
