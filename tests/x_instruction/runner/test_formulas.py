"""Texts that a spreadsheet could run are escaped, and other texts are not changed."""

from __future__ import annotations

import polars as pl
import pytest

from x_instruction.runner.formulas import escaped, escaped_column

HARMFUL = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", "＝1+1", '=HYPERLINK("http://a")',
    "-cmd|' /C calc'!A0", "--cmd|' /C calc'!A0", "- cmd|' /C calc'!A0", "-(WEBSERVICE(A1))", "- WEBSERVICE(A1)",
]  # fmt: skip
HARMLESS = [
    "a = b", "5 - 3", "'=1", "", 'say "x", y\nz', "Osta:\n- leipää\n- voita (2 dl)", "loppu\n---\nuusi luku", "yes; no",
    "one;\ttwo", "1 + 1 = 2; 2-1", "a-b;c-d", "؛ = ؟",
]  # fmt: skip


@pytest.mark.parametrize("before", ["", "Osta nyt;", "Osta nyt; ", "a\tb\t", "a\r\n", "a\n\n  ", 'a;"', 'a\n "" '])
@pytest.mark.parametrize("text", HARMFUL)
def test_an_apostrophe_is_put_before_a_formula(text: str, before: str) -> None:
    shown = escaped(before + text)
    assert shown.replace("'", "") == (before + text).replace("'", "")
    assert shown.startswith(f"{before}'") or shown.startswith(f"{before}{text[0]}'")
    assert pl.DataFrame({"text": [before + text]}).select(escaped_column("text")).item() == shown


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_are_unchanged(text: str) -> None:
    assert escaped(text) == text == pl.DataFrame({"text": [text]}).select(escaped_column("text")).item()
