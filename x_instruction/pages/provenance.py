"""What a page states of itself: its address, title, date and licence."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from lxml import etree, html  # type: ignore[import-untyped]

from x_instruction.pages import joiners
from x_instruction.pages.encodings import normalise


class Statement(NamedTuple):
    """An attribute of an element, of those alone whose other attributes have one of the values (none: of all)."""

    element: str
    attribute: str
    where: tuple[tuple[str, str], ...] = ()


class Search(NamedTuple):
    """An XPath: a walk over the tree, so made only where the element was met ("": in any case)."""

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
    # One walk for all that are attributes: a search of the tree for each took 2 % of a news page's time.
    met: dict[str, list[html.HtmlElement]] = {element: [] for element in ELEMENTS}
    for one in tree.iter(*ELEMENTS):
        met[one.tag].append(one)
    return {name: _first(tree, met, ways) for name, ways in FIELDS.items()}


def _first(tree: html.HtmlElement, met: dict[str, list[html.HtmlElement]], ways: list[Statement | Search]) -> str:
    for way in ways:
        if isinstance(way, Statement):
            found = _attribute(met[way.element], way)
        else:
            found = _searched(tree, way.path) if met.get(way.element, True) else ""
        if found.strip():
            return normalise(joiners.show(found)).replace("\n", " ")
    return ""


def _attribute(elements: list[html.HtmlElement], way: Statement) -> str:
    for one in elements:
        if not way.where or any(one.get(name) == value for name, value in way.where):
            found = one.get(way.attribute)
            if found is not None:
                return str(found)
    return ""


def _searched(tree: html.HtmlElement, path: str) -> str:
    found = _xpath(path)(tree)
    return " ".join(found) if path.endswith("text()") else next(iter(found), "")


@cache
def _xpath(path: str) -> etree.XPath:
    return etree.XPath(path, smart_strings=False)
