"""Main text and provenance of one page.

trafilatura with `favor_precision`: on pages of five languages in three layouts (nav, cookie notice, sidebar,
share line, footer) it kept every paragraph and nothing else but the title, at 2 ms a page; without it the share
line stays, its `fast` mode loses pages laid out in tables, and resiliparse (five times as fast) keeps sidebars.
"""

from __future__ import annotations

import codecs
import logging
import re
import unicodedata
from copy import deepcopy
from dataclasses import dataclass
from importlib.metadata import version

import ftfy
import trafilatura
from lxml import etree, html  # type: ignore[import-untyped]

HTML_EXTRACTOR = f"trafilatura {version('trafilatura')}"
TEXT_EXTRACTOR = "none"
HEAD_BYTES = 4096
DECLARED_CHARSET = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_:.\-]+)", re.I
)
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Control characters but line feed; ZWJ, ZWNJ and the combining marks that Indic and Thai text needs stay.
CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff\u00ad\u2060\u200b\u200e\u200f\u202a-\u202e\ud800-\udfff]"
)
BLANKS = re.compile(r"[^\S\n]+")
# The extractor takes characters without a glyph out; the joiners that Bengali, Persian and Tamil spelling needs
# pass through it under two Javanese signs that no page of ours can hold.
JOINERS = {"\u200c": "\ua9c6", "\u200d": "\ua9c7"}
JOINER_ENTITIES = (
    (re.compile("&zwnj;|&#8204;|&#x200c;", re.I), "\u200c"),
    (re.compile("&zwj;|&#8205;|&#x200d;", re.I), "\u200d"),
)
HIDE, SHOW = str.maketrans(JOINERS), str.maketrans({hidden: joiner for joiner, hidden in JOINERS.items()})
# Notices about cookies and consent: on a short page they may outweigh the text, and be taken for it. A wrapper of
# the whole page may be named so too, hence the bound on its length.
NOTICES = [
    f"//*[self::div or self::section or self::aside or self::dialog or self::form or self::p or self::footer]"
    f"[contains(@{name}, 'cookie') or contains(@{name}, 'consent') or contains(@{name}, 'gdpr')]"
    "[string-length(normalize-space(.)) < 1500]"
    for name in ("class", "id")
]
LICENCE = "//a[contains(concat(' ', @rel, ' '), ' license ')]/@href | //link[@rel='license']/@href"
FIELDS = {
    "url": ["//link[@rel='canonical']/@href", "//meta[@property='og:url']/@content"],
    "title": ["//meta[@property='og:title']/@content", "//h1//text()", "//title//text()"],
    "date": [
        "//meta[@property='article:published_time']/@content",
        "//meta[@name='date' or @name='dcterms.date' or @name='DC.date' or @itemprop='datePublished']/@content",
        "//time/@datetime",
    ],
    "license": [LICENCE, "//meta[@name='license' or @name='dcterms.license' or @name='rights']/@content"],
}

# It warns of every page without text; such a page is a drop with its reason.
logging.getLogger("trafilatura").setLevel(logging.ERROR)


class ExtractionError(Exception):
    """The extractor could not make sense of a page."""


@dataclass(frozen=True)
class Page:
    text: str
    url: str = ""
    title: str = ""
    date: str = ""
    license: str = ""


def declared_encoding(body: bytes) -> str:
    """Encoding an HTML page declares, UTF-8 if it declares none or none we know."""
    for mark, name in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return name
    declared = DECLARED_CHARSET.search(body[:HEAD_BYTES])
    if not declared:
        return "utf-8"
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name
    except LookupError:
        return "utf-8"
    # Browsers read what calls itself Latin-1 or ASCII as Windows-1252, and so are such pages written; a page
    # that is read as ASCII can hardly declare UTF-16.
    return {"iso8859-1": "cp1252", "ascii": "cp1252", "utf-16": "utf-8"}.get(name, name)


def extract_page(text: str) -> Page:
    """Main text and provenance of an HTML page. Raises ExtractionError."""
    try:
        tree = trafilatura.load_html(_hide_joiners(text))
        if tree is None:
            return Page("")
        fields = {name: _first(tree, paths) for name, paths in FIELDS.items()}
        main = _main_text(tree)
    except (etree.LxmlError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ExtractionError(f"{type(error).__name__}: {error}") from error
    return Page(normalise(main.translate(SHOW)), **fields)


def _main_text(tree: html.HtmlElement) -> str:
    """Precise first; a page that leaves nothing so (a few lines laid out in a table) is read once more."""
    options = {"include_comments": False, "include_tables": False, "prune_xpath": NOTICES}
    precise = trafilatura.extract(deepcopy(tree), favor_precision=True, **options)
    return precise or trafilatura.extract(tree, **options) or ""


def _hide_joiners(text: str) -> str:
    for entity, joiner in JOINER_ENTITIES:
        text = entity.sub(joiner, text)
    return text.translate(HIDE)


def _first(tree: html.HtmlElement, paths: list[str]) -> str:
    """First non-empty result of the paths, on one line."""
    for path in paths:
        found = tree.xpath(path)
        one = " ".join(found) if path.endswith("text()") else next(iter(found), "")
        if one.strip():
            return normalise(str(one).translate(SHOW)).replace("\n", " ")
    return ""


def normalise(text: str) -> str:
    """One paragraph a line, NFC, no control characters, single blanks; mojibake mended where it is certain."""
    text = ftfy.fix_encoding(text).replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    text = CONTROLS.sub("", unicodedata.normalize("NFC", text).replace("\t", " "))
    lines = (BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
