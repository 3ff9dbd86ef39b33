"""Limits on a page. A page with too many elements or attributes is refused before it is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Matches a `<` that begins a comment, an element whose content is not markup (group 1), or another element.
OPENING = re.compile(r"<(?:!--|(script|style|textarea|title)\b|[A-Za-z])", re.IGNORECASE)
# The rest of an opening tag, with its attributes. A quotation mark counts only after "=", as in browsers. The
# quantifiers are possessive, so no part is tried twice and the time is linear.
ATTRIBUTES = re.compile(r"(?:=\s*+(?:\"[^\"]*+\"|'[^']*+')|[^>=]++|=)*+")
QUOTED = re.compile(r"=\s*+(?:\"[^\"]*+\"|'[^']*+')")
ATTRIBUTE = re.compile(r"[\s/_][^\s=<>/_]")
# A shorter page gets the time of a page with this many characters, because the first page of a process takes 0.1 s.
LEAST_CHARACTERS = 100_000


class LimitError(Exception):
    """A page has more elements or attributes, or took more time, than the limits allow."""


@dataclass(frozen=True)
class Limits:
    """Limits of one page.

    The time of parsing grows with the square of the number of attributes of an element: 45,000 attributes take 15 s.
    The time of the search for the main text grows with the square of the number of elements: 286,000 paragraphs of one
    letter take minutes. The largest of 967 real pages has about 3,000 elements, and no element has more than 89
    attributes.
    """

    max_nesting: int = 200
    """trafilatura needs up to 6 s for a page with as many levels as libxml2 parses (256)."""
    max_elements: int = 30_000
    max_attributes: int = 500
    """The maximum number of attributes of one element."""
    max_seconds_per_megabyte: int = 20
    """Seconds of processor time for a million characters. A page with fewer characters than LEAST_CHARACTERS gets the
    time for that many. The real pages that we measured took at most 0.4 s."""

    def seconds(self, text: str) -> float:
        """Seconds of processor time that the page may take."""
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


def _end_of_element(text: str, opening: re.Match[str], max_attributes: int) -> int:
    """Position after an opening tag or, for an element such as a script, after its content; -1 if it has no end."""
    found = ATTRIBUTES.match(text, opening.end())
    end = found.end() if found else opening.end()
    if end - opening.end() > 2 * max_attributes:
        # A quoted value may contain anything, and the next attribute may follow it without a space.
        names = QUOTED.sub("_", text[opening.end() : end])
        if sum(1 for _ in ATTRIBUTE.finditer(names)) > max_attributes:
            raise LimitError(f"an element with more than {max_attributes} attributes")
    if opening[1] is None:
        return end
    close = re.compile(rf"</{opening[1]}", re.IGNORECASE).search(text, end)
    return close.end() if close else -1
