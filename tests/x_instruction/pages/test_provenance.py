"""A page's address, title, date and licence are read from the first of several possible places that is not empty."""

import pytest
from lxml import html  # type: ignore[import-untyped]

from x_instruction.pages.provenance import stated

CANONICAL, OPEN_GRAPH = "<link rel='canonical' href='https://a.example/'>", "<meta property='og:url' content='b'>"
PUBLISHED, TIME = "<meta property='article:published_time' content='2024'>", "<time>x</time><time datetime='2021'>"
NAMED, ITEM = "<meta name='dcterms.date' content='2023'>", "<meta itemprop='datePublished' content='2022'>"
LICENCE, ANCHOR = "<link rel='license' href='c'>", "<a rel='nofollow license' href='d'>e</a>"
RIGHTS, OTHER = "<meta name='rights' content='f'>", "<a rel='licensed' href='g'>h</a>"
HEADINGS = "<h1> A <b>b</b>\n</h1><h1>c</h1>"


@pytest.mark.parametrize(
    ("field", "page", "found"),
    [
        ("url", OPEN_GRAPH + CANONICAL, "https://a.example/"),
        ("url", OPEN_GRAPH + "<link rel='next' href='z'>", "b"),
        ("url", "<link rel='canonical' href=' '><link rel='canonical' href='y'>" + OPEN_GRAPH, "b"),
        ("title", f"<title>d</title><meta property='og:title' content='e\n f'>{HEADINGS}", "e f"),
        ("title", f"<title>d</title>{HEADINGS}", "A b c"),
        ("title", "<title>ක්\ua9c7ෂ</title><h1> </h1>", "ක්\u200dෂ"),
        ("date", TIME + ITEM + NAMED + PUBLISHED, "2024"),
        ("date", TIME + ITEM + NAMED, "2022"),
        ("date", TIME, "2021"),
        ("license", RIGHTS + ANCHOR + LICENCE, "c"),
        ("license", RIGHTS + OTHER + ANCHOR, "d"),
        ("license", RIGHTS + OTHER, "f"),
        ("license", OTHER, ""),
    ],
)
def test_the_first_statement_that_is_not_empty_is_used(field: str, page: str, found: str) -> None:
    assert stated(html.document_fromstring(f"<html><body>{page}</body></html>"))[field] == found
