"""Escapes text in cells of CSV files, so that a spreadsheet does not run it as a formula.

A spreadsheet may run a cell as a formula if it begins with =, +, -, @, a tab or a line end (OWASP, CSV injection). Some
spreadsheets also accept the full-width forms of these characters. Where the decimal sign is a comma, as in Finland or
Indonesia, a spreadsheet splits our files at semicolons instead of commas and ignores our quotes, so a cell may also
begin after a semicolon, a tab or a line end within a text. An apostrophe before the character keeps the cell a text.
"""

from __future__ import annotations

import re

import polars as pl

# Each pattern has two groups; the apostrophe is put between them. Quotation marks before a formula do not protect it,
# because they are doubled in the file, and a reader may take two of them for an empty text.
PATTERNS = (
    r"^()([=+\-@\t\r\n＝＋－＠])",
    r'([;\t\r\n][\s"]*)([=+@＝＋－＠]|-\w)',
    # Lines of lists ("- bread") are left as they are: only a call or an address of another program can do harm.
    r'([;\t\r\n][\s"]*)(-[^\w\r\n][^\r\n]*(?:\||\w\())',
)


def escaped(text: str) -> str:
    for pattern in PATTERNS:
        text = re.sub(pattern, r"\1'\2", text)
    return text


def escaped_column(name: str) -> pl.Expr:
    column = pl.col(name)
    for pattern in PATTERNS:
        column = column.str.replace_all(pattern, "${1}'${2}")
    return column
