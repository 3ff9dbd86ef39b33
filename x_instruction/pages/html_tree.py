"""The tree of a page, and what is taken out of it before its main text is looked for."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import trafilatura
from lxml import etree, html  # type: ignore[import-untyped]

# As trafilatura reads pages, so that both ways to a tree give the same.
PARSER = html.HTMLParser(
    encoding="utf-8", collect_ids=False, default_doctype=False, remove_comments=True, remove_pis=True
)
# How most pages begin. A document type says nothing of the tree; libxml2 stumbles over some that have a slash.
SOUND = re.compile(r"\s{0,20}(?:<!doctype html\b[^<>/]*>|(?:<!doctype html\b[^<>]*>\s*)?(?=<html\b))", re.IGNORECASE)
# What XML cannot hold, but U+FFFE and U+FFFF.
CONTROLS = bytes([*range(9), 11, 12, *range(14, 32)])
# Notices about cookies and consent: on a short page they may outweigh the text, and be taken for it. A wrapper of
# the whole page may be named so too, hence the bound on its length. So are notes to those who edit the page, which its
# reader never sees: 105 of 957 pages of MDN in ten languages have one ("the source of this example is in a
# repository").
NOTICE = re.compile(r"cookie|consent|gdpr|\Ahidden\Z")
NOTICE_ELEMENTS = ("div", "section", "aside", "dialog", "form", "p", "footer")
SHORT = etree.XPath("string-length(normalize-space(.)) < 1500")


def load(text: str) -> html.HtmlElement | None:
    """The tree of a page, None where it is none: what `trafilatura.load_html` gives.

    To look for what that mends takes a third of its time; a page that has nothing of it is parsed at once, and from
    UTF-8, which saves the parser the way there: 11 ms for nine news pages (eight of them so) against 15.
    """
    body = _sound(text)
    return trafilatura.load_html(text) if body is None else etree.fromstring(body, PARSER)


def _sound(text: str) -> bytes | None:
    """The page's bytes without control characters; None where it needs to be mended in another way."""
    begins = SOUND.match(text)
    if begins is None or "\ufffe" in text or "\uffff" in text:
        return None
    if any("<html" in one and one.endswith("/>") for one in text[:4096].splitlines()[:4]):
        return None
    try:
        body = text[begins.end() :].encode().translate(None, CONTROLS)
    except UnicodeEncodeError:
        return None
    return None if body.isspace() else body or None


@cache
def deeper_than(depth: int) -> etree.XPath:
    """Steps down, not ancestors counted: one walk over the tree."""
    return etree.XPath(f"boolean(/*{'/*' * depth})")


def drop_notices(tree: html.HtmlElement) -> None:
    """Without short elements that their class, then their id, names a notice.

    In Python, over elements of these names alone, each name judged once: half the time of an XPath over attributes.
    """
    by_class, by_id = [], []
    for one in tree.iter(*NOTICE_ELEMENTS):
        name = one.get("class")
        if name and _names_a_notice(name):
            by_class.append(one)
        name = one.get("id")
        if name and _names_a_notice(name):
            by_id.append(one)
    for named in (by_class, by_id):
        for one in [one for one in named if SHORT(one)]:
            if one.getparent() is not None:
                one.drop_tree()


def drop_unread(tree: html.HtmlElement) -> None:
    """Without scripts, styles and the links and metas of the head, but articles told as JSON.

    The extractor never counts or reads them, yet each of its copies and walks meets them: 4 % of a news page's time.
    """
    for one in [*tree.iter("script", "style")]:
        if one.get("type") != "application/ld+json" and one.getparent() is not None:
            one.drop_tree()
    for head in tree.iterchildren("head"):
        etree.strip_elements(head, "meta", "link", with_tail=False)


@lru_cache(maxsize=2**14)
def _names_a_notice(name: str) -> bool:
    return NOTICE.search(name) is not None
