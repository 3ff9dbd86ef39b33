"""Prepares a page for the extraction of its main text: removes notices and scripts, and wraps bare text in <p>."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import takewhile

from lxml import etree, html  # type: ignore[import-untyped]

# On a short page, a notice about cookies may be longer than the text and would be extracted in its place. The class
# `hidden` marks notes that a reader does not see, such as notes to editors (on 105 of 957 pages of MDN). An element's
# class or id is only a hint. A notice must also be short and contain no article. Unless it is hidden or empty, it must
# contain a word about cookies or consent. If more than half of the page's text would be removed, it must contain two
# different words of this kind.
HIDDEN = re.compile(r"\Ahidden\Z")
NOTICE = re.compile(r"cookie|consent|gdpr")
NOTICE_ELEMENTS = ("div", "section", "aside", "dialog", "form", "p", "footer")
SHORT = etree.XPath("string-length(normalize-space(.)) < 1500")
HOLDS_ARTICLE = etree.XPath("boolean(.//article | .//main | .//h1)")
MOST = 0.5  # share of the page's text; removing more requires two words
# Words for cookies, consent and privacy, in English and in the project's ten languages.
NOTICE_WORDS = re.compile(
    "cookie|consent|gdpr|privacy|eväste|tietosuoja|kuki|privasi|persetujuan|çerez|kvkk|gizlilik|vidakuzi|faragha"
    "|quyền riêng tư|bảo mật|คุกกี้|ความเป็นส่วนตัว|কুকি|গোপনীয়তা|कुकी|गोपनीयता|குக்கி|தனியுரிமை|کوکی|رازداری",
)
UNFILLED = re.compile(r"\{\{[^{}]*\}\}")  # a part of a template that was not filled in
# Block elements. Text beside one of them is a separate paragraph, as in CSS (an anonymous block box).
BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "center", "dd", "details", "dialog", "div", "dl", "dt"),
        *("fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "iframe", "ins"),
        *("li", "main", "nav", "noscript", "object", "ol", "p", "pre", "script", "section", "style", "table", "ul"),
        "video",
    )
)
CONTAINERS = frozenset(("article", "body", "div", "main", "section", "td"))
# Blocks after which trafilatura may lose text. It does not lose text after lists, tables and headings, which it reads
# together with the text around them.
BEFORE_TEXT = ("aside", "center", "div", "figure", "form", "iframe", "ins", "nav", "noscript", "script", "section")


@cache
def deeper_than(depth: int) -> etree.XPath:
    """An XPath that tests if a tree is nested deeper than `depth`."""
    return etree.XPath(f"boolean(/*{'/*' * depth})")


def drop_notices(tree: html.HtmlElement) -> float:
    """Removes notices, first by their class and then by their id. Returns the share of the page's text in them.

    Python code looks at the attributes, because it takes half the time of an XPath.
    """
    elements = list(tree.iter(*NOTICE_ELEMENTS))
    size, removed = 0, 0
    for attribute in ("class", "id"):
        named = [element for element in elements if (name := element.get(attribute)) and _names_a_notice(name)]
        size = size or (_characters(tree) if named else 0)
        for element in named:
            if _is_within(element, tree) and _is_notice(element, element.get(attribute), size, removed):
                removed += _characters(element)
                element.drop_tree()
    return removed / size if size else 0.0


def _characters(element: html.HtmlElement) -> int:
    """Number of characters in an element's text, without white space."""
    return len("".join(str(element.text_content()).split()))


def _is_within(element: html.HtmlElement, tree: html.HtmlElement) -> bool:
    """Whether the element is still in the tree: neither the element nor an element around it was removed."""
    return any(ancestor is tree for ancestor in element.iterancestors())


def _is_notice(element: html.HtmlElement, name: str, page_size: int, removed: int) -> bool:
    """Whether an element is a notice. `removed` of the page's `page_size` characters have already been removed."""
    if not SHORT(element) or HOLDS_ARTICLE(element):
        return False
    text = str(element.text_content())
    words = set(NOTICE_WORDS.findall(text.casefold()))
    if len("".join(text.split())) + removed > MOST * page_size:
        return len(words) > 1
    return bool(words) or not text.strip() or HIDDEN.search(name) is not None


def mark_bare_paragraphs(tree: html.HtmlElement) -> None:
    """Puts text beside blocks into paragraphs, together with the inline elements up to the next block.

    Otherwise the extractor loses the text after a block that it removes, such as an advertisement.
    """
    blocks = [block for block in tree.iter(*BEFORE_TEXT) if is_text(block.tail) or _before_inline_text(block)]
    containers = dict.fromkeys(block.getparent() for block in blocks)
    for container in containers:
        if container is not None and container.tag in CONTAINERS:
            _mark(container)


def _before_inline_text(block: html.HtmlElement) -> bool:
    following = block.getnext()
    return following is not None and following.tag not in BLOCKS and _has_text(following)


def _has_text(inline: html.HtmlElement) -> bool:
    """Whether there is text to read in an inline element or right after it. The text of a comment does not count."""
    return is_text(inline.tail) or (isinstance(inline.tag, str) and is_text(str(inline.text_content())))


def _mark(container: html.HtmlElement) -> None:
    blocks = [child for child in container if child.tag in BLOCKS]
    _into_paragraph(container, None)
    for block in blocks:
        _into_paragraph(container, block)


def _into_paragraph(container: html.HtmlElement, block: html.HtmlElement | None) -> None:
    """Moves the text and the inline elements after the block, or at the container's beginning, into a paragraph."""
    paragraph = html.Element("p")
    place = 0 if block is None else container.index(block) + 1
    paragraph.text = container.text if block is None else block.tail
    inline = list(takewhile(lambda child: child.tag not in BLOCKS, container[place:]))
    if not is_text(paragraph.text) and not any(map(_has_text, inline)):
        return
    if block is None:
        container.text = None
    else:
        block.tail = None
    paragraph.extend(inline)
    container.insert(place, paragraph)


def is_text(text: str | None) -> bool:
    """Whether there is text to read, apart from parts of templates that were not filled in."""
    if not text or text.isspace():
        return False
    return "{{" not in text or bool(UNFILLED.sub("", text).strip())


def drop_unread(tree: html.HtmlElement) -> None:
    """Removes scripts (except JSON-LD, which may contain the article), styles, and the links and metas of the head.

    The extractor never reads them, but copies and walks the tree several times.
    """
    for element in [*tree.iter("script", "style")]:
        if element.get("type") != "application/ld+json" and element.getparent() is not None:
            element.drop_tree()
    for head in tree.iterchildren("head"):
        etree.strip_elements(head, "meta", "link", with_tail=False)


@lru_cache(maxsize=2**14)
def _names_a_notice(name: str) -> bool:
    return NOTICE.search(name) is not None or HIDDEN.search(name) is not None
