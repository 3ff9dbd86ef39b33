"""What a page states about itself: its address, title, date and licence."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from lxml import etree, html  # type: ignore[import-untyped]

from x_instruction.pages import joiners
from x_instruction.pages.normalise import normalise


class Statement(NamedTuple):
    """An attribute of an element. With `where`, only of elements that have one of these attributes and values."""

    element: str
    attribute: str
    where: tuple[tuple[str, str], ...] = ()


class Search(NamedTuple):
    """An XPath. It walks the whole tree, so it runs only on pages that have the element ("": on every page)."""

    element: str
    path: str


# In order of preference.
FIELDS: dict[str, list[Statement | Search]] = {
    "url": [
        Statement("link", "href", (("rel", "canonical"),)),
        Statement("meta", "content", (("property", "og:url"),)),
    ],
    "title": [
        Statement("meta", "content", (("property", "og:title"),)),
        Search("h1", "/descendant::h1//text()"),
        Search("title", "/descendant::title//text()"),
    ],
    "date": [
        Statement("meta", "content", (("property", "article:published_time"),)),
        Statement(
            "meta",
            "content",
            (("name", "date"), ("name", "dcterms.date"), ("name", "DC.date"), ("itemprop", "datePublished")),
        ),
        Statement("time", "datetime"),
    ],
    "license": [
        Statement("link", "href", (("rel", "license"),)),
        Search("", "/descendant::a[contains(concat(' ', @rel, ' '), ' license ')]/@href"),
        Statement("meta", "content", (("name", "license"), ("name", "dcterms.license"), ("name", "rights"))),
    ],
}
ELEMENTS = {way.element for ways in FIELDS.values() for way in ways if way.element}


def stated(tree: html.HtmlElement) -> dict[str, str]:
    """Each field's first statement that is not empty, on one line, or ""."""
    # One walk finds all attributes; a search for each field took 2 % of a news page's time.
    by_tag: dict[str, list[html.HtmlElement]] = {tag: [] for tag in ELEMENTS}
    for element in tree.iter(*ELEMENTS):
        by_tag[element.tag].append(element)
    return {name: _first(tree, by_tag, ways) for name, ways in FIELDS.items()}


def _first(tree: html.HtmlElement, by_tag: dict[str, list[html.HtmlElement]], ways: list[Statement | Search]) -> str:
    for way in ways:
        if isinstance(way, Statement):
            found = _attribute(by_tag[way.element], way)
        else:
            found = _searched(tree, way.path) if by_tag.get(way.element, True) else ""
        if found.strip():
            return normalise(joiners.show(found)).replace("\n", " ")
    return ""


def _attribute(elements: list[html.HtmlElement], way: Statement) -> str:
    for element in elements:
        if not way.where or any(element.get(name) == value for name, value in way.where):
            found = element.get(way.attribute)
            if found is not None:
                return str(found)
    return ""


def _searched(tree: html.HtmlElement, path: str) -> str:
    found = _xpath(path)(tree)
    return " ".join(found) if path.endswith("text()") else next(iter(found), "")


@cache
def _xpath(path: str) -> etree.XPath:
    return etree.XPath(path, smart_strings=False)
