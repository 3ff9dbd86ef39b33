"""Finds program code and formulas, which the rules on prose must not judge.

Code is everything between Markdown fences, and also lines that look like code, because most text from web pages has no
fences.
"""

from __future__ import annotations

import polars as pl

BLOCK = r"(?m:^[ ]*```)(?s:.*?)(?m:^[ ]*```[ ]*$)"
FORMULA = r"\$\$(?s:.{1,3000}?)\$\$"
# Lines of C, CSS, HTML, JavaScript and Python. Such a line ends with a brace or a semicolon (a comment may follow) and
# also has a bracket, =, :, < or a quotation mark; or it has only brackets, commas and semicolons; or it begins with a
# comment sign, a tag, a closing bracket, Python's >>> or a keyword.
_ENDS = r"[^\n]*[(){}=<>:\x22'][^\n]*[;{}](?:[ ]*//[^\n]*)?|[{}()\[\];,]{1,4}"
_BEGINS = (
    r"(?://|/\*|\*/|</?[A-Za-z!]|[})\]]|>>> |import \w|from [\w.]+ import|console\.|(?:const|let|var|def|class) \w)"
)
LINE = rf"(?m:^[ ]*(?:{_ENDS}|{_BEGINS}[^\n]*)[ ]*$)"


def prose(text: pl.Expr) -> pl.Expr:
    """The text without code and formulas."""
    return text.str.replace_all(rf"(?:{BLOCK}|{FORMULA}|{LINE})\n?", "")
