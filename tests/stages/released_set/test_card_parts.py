"""A value from the web shows in the card as it is, and makes no link."""

from __future__ import annotations

import html

import pytest

from stages.released_set.card_parts import escaped


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("See http://spam.example/win", "See http&#58;//spam.example/win"),
        ("HTTPS://spam.example", "HTTPS&#58;//spam.example"),
        ("ftp://spam.example", "ftp&#58;//spam.example"),
        ("www.spam.example", "www&#46;spam.example"),
        ("Note: a.b", "Note: a.b"),
        ("[a](b) | <i>", "&#91;a&#93;(b) &#124; &#60;i&#62;"),
    ],
)
def test_an_address_is_no_link_and_markdown_is_text(text: str, written: str) -> None:
    assert escaped(text) == written and html.unescape(written) == text


@pytest.mark.parametrize("hidden", ["\0", "\x1b", "\x7f", "\x9b", "\u202e", "\u202a", "\u2066", "\u2069"])
def test_hidden_characters_are_left_out(hidden: str) -> None:
    assert escaped(f"CC{hidden} BY") == "CC BY" and escaped(f"http{hidden}://a.example") == "http&#58;//a.example"


def test_white_space_becomes_a_space_and_joiners_are_kept() -> None:
    assert escaped(" a\n\tb\x85c ") == "a b c"
    assert escaped("می\u200cخواهم") == "می\u200cخواهم"
