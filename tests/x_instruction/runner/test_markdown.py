"""A Markdown table has one line for each row, whatever its cells contain."""

from __future__ import annotations

import pytest

from x_instruction.runner.markdown import table


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("a", "a"),
        ("`code` and [a link](b)", "`code` and [a link](b)"),
        ("a|b", r"a\|b"),
        (r"a\|b", r"a\\\|b"),
        ("a\nb\r\nc\u2028d", "a b c d"),
    ],
)
def test_bars_and_line_ends_do_not_end_a_cell(cell: str, shown: str) -> None:
    assert table([cell, "value"], [["first", cell]]) == f"| {shown} | value |\n| --- | --- |\n| first | {shown} |\n"
