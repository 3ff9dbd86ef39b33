"""Reads what a page states about itself: its address, title, date and licence."""

from __future__ import annotations

from lxml import etree, html  # type: ignore[import-untyped]

from x_instruction.pages import joiners
from x_instruction.pages.normalise import normalise

# XPaths for each field, in order of preference. If an XPath finds several attributes, the first one is taken; if it
# finds several texts, they are joined.
FIELDS: dict[str, list[str]] = {
    "url": ["link[@rel='canonical']/@href", "meta[@property='og:url']/@content"],
    "title": ["meta[@property='og:title']/@content", "h1//text()", "title//text()"],
    "date": [
        "meta[@property='article:published_time']/@content",
        "meta[@name='date' or @name='dcterms.date' or @name='DC.date' or @itemprop='datePublished']/@content",
        "time/@datetime",
    ],
    "license": [
        "link[@rel='license']/@href",
        "a[contains(concat(' ', @rel, ' '), ' license ')]/@href",
        "meta[@name='license' or @name='dcterms.license' or @name='rights']/@content",
    ],
}
PATHS = {
    name: [etree.XPath(f"/descendant::{path}", smart_strings=False) for path in paths] for name, paths in FIELDS.items()
}


def stated(tree: html.HtmlElement) -> dict[str, str]:
    """For each field, the first of the page's statements that is not empty, on one line; "" if there is none."""
    return {name: next(filter(None, (_statement(tree, path) for path in paths)), "") for name, paths in PATHS.items()}


def _statement(tree: html.HtmlElement, path: etree.XPath) -> str:
    found: list[str] = path(tree)
    text = " ".join(found) if path.path.endswith("text()") else next(iter(found), "")
    return normalise(joiners.show(text)).replace("\n", " ")
