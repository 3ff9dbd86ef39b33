"""Main text and provenance of one page.

trafilatura with `favor_precision`. On 140 real articles of seven languages put between a menu, a cookie notice, a
sidebar, a share line and a footer, words of the article found / words that are of the article / pages with anything of
the surroundings: trafilatura 0.88 / 0.97 / 0, without `favor_precision` 0.96 / 0.99 / 0, its `fast` mode 0.95 / 0.99 /
0, resiliparse 0.91 / 0.97 / 140. resiliparse is ten times as fast (0.6 ms a page against 6), but what it keeps of
sidebars would be taught as part of an answer. `favor_precision` stays since on pages in other layouts share lines
remain without it, and the `fast` mode loses pages laid out in tables.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from typing import Any

import trafilatura
from lxml import etree, html  # type: ignore[import-untyped]

from x_instruction.pages import html_tree as page_tree
from x_instruction.pages import joiners
from x_instruction.pages.encodings import normalise
from x_instruction.pages.provenance import stated

HTML_EXTRACTOR = f"trafilatura {version('trafilatura')}"
TEXT_EXTRACTOR = "none"
OPTIONS: dict[str, Any] = {"include_comments": False, "include_tables": False}
# libxml2 gives up on what lies deeper than 255 elements, and trafilatura needs up to 6 s for such a page.
MAX_NESTING = 200
# Content without a page around it, as repositories and content systems keep it: all of it is the text. Without
# something that says so, trafilatura takes paragraphs alone: of 204 such texts in Indonesian, Bengali and Hindi, 20 %
# of the headings and 25 % of the items of lists were read, with it 68 % of both, bare headings and last links not.
PAGE = re.compile(r"<(?:!doctype|html|head|body|title|meta|link|header|nav|main|article|aside|footer)\b", re.IGNORECASE)
FRONT_MATTER = re.compile(r"\s*---\n(?:[^\n]*\n){1,80}?---\n")
FRONT_TITLE = re.compile(r"^title:[ ]*(['\"]?)(.+?)\1[ ]*$", re.MULTILINE)
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# What a reader of the text does not get: tables, notes that the page hides, parts of a template that was not filled in.
UNFILLED = re.compile(r"\{\{[^{}]*\}\}")
WORDS_BESIDE_LINK = 4  # "… on Wikipedia"
# Elements whose end is that of the section too; a heading at the end of another may stand there for its looks.
SECTIONS = ("article", "body", "main", "section")
# It warns of every page without text; such a page is a drop with its reason.
logging.getLogger("trafilatura").setLevel(logging.ERROR)


class ExtractionError(Exception):
    """The extractor could not make sense of a page."""


class NestingError(Exception):
    """A page has more elements within each other than anything written to be read."""


@dataclass(frozen=True)
class Page:
    text: str
    url: str = ""
    title: str = ""
    date: str = ""
    license: str = ""


def extract_page(text: str, max_nesting: int = MAX_NESTING) -> Page:
    """Main text and provenance of an HTML page. Raises ExtractionError, and NestingError beyond `max_nesting`."""
    try:
        page = _page(text)
        tree = page_tree.load(joiners.hide(page))
        if tree is None:
            return Page("")
        if page_tree.deeper_than(max_nesting)(tree):
            raise NestingError(f"more than {max_nesting} elements within each other")
        fields = stated(tree)
        if page != text and (article := tree.find(".//article")) is not None:
            _drop_links_at_end(article)
        _drop_bare_headings(tree)
        page_tree.drop_notices(tree)
        page_tree.drop_unread(tree)
        main = _main_text(tree)
    except (etree.LxmlError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ExtractionError(f"{type(error).__name__}: {error}") from error
    return Page(normalise(joiners.show(main)), **fields)


def _page(text: str) -> str:
    """A page as it is; content alone as a page of one article, under the title that its front matter states."""
    if not text or text.isspace() or PAGE.search(text):
        return text
    matter = FRONT_MATTER.match(text)
    title = FRONT_TITLE.search(matter[0]) if matter else None
    head = f"<head><title>{escape(title[2])}</title></head>" if title else ""
    return f"<html>{head}<body><article>{text[matter.end() if matter else 0 :]}</article></body></html>"


def _drop_bare_headings(tree: html.HtmlElement) -> None:
    """Without headings over nothing to be read ("Specifications", over a table): 15 of 204 texts ended so."""
    for heading in reversed(list(tree.iter(*HEADINGS))):
        below = heading.getnext()
        while below is not None and not _says(below):
            below = below.getnext()
        same = below is not None and below.tag in HEADINGS and below.tag <= heading.tag
        ends = below is None and heading.getparent() is not None and heading.getparent().tag in SECTIONS
        if (same or ends) and not _text(heading.tail):
            heading.drop_tree()


def _drop_links_at_end(article: html.HtmlElement) -> None:
    """Without lists of links, under headings or not, that only such lists follow ("See also"): of a page, the extractor
    finds them itself."""
    for element in reversed(list(article)):
        if element.tag in ("ul", "ol") and not _text(element.tail) and all(map(_is_link, element)):
            element.drop_tree()
        elif element.tag not in HEADINGS and _says(element):
            break


def _is_link(item: html.HtmlElement) -> bool:
    """Whether an item is a link, or what a template would have made one, with a few words beside it."""
    whole = str(item.text_content())
    links = [str(link.text_content()) for link in item.iter("a")] + UNFILLED.findall(whole)
    beside = len(whole.split()) - sum(len(link.split()) for link in links)
    return bool(links) and beside <= WORDS_BESIDE_LINK


def _says(element: html.HtmlElement) -> bool:
    """Whether there is anything to be read in the element or behind it."""
    if _text(element.tail):
        return True
    if not isinstance(element.tag, str) or element.tag == "table" or element.get("class") == "hidden":
        return False
    if element.tag == "li":  # of an item, what a template would have put there is a link
        return bool(element.text_content().strip())
    return _text(element.text) or any(_says(child) for child in element)


def _text(text: str | None) -> bool:
    if not text or text.isspace():
        return False
    return "{{" not in text or bool(UNFILLED.sub("", text).strip())


def _main_text(tree: html.HtmlElement) -> str:
    """Precise first; a page that leaves nothing so (a few lines laid out in a table) is read once more.

    Each reading takes a copy of the tree apart, which trafilatura makes of a tree it is given.
    """
    precise = trafilatura.extract(tree, favor_precision=True, **OPTIONS)
    return precise or trafilatura.extract(tree, **OPTIONS) or ""
