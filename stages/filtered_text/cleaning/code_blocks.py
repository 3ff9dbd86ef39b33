"""Program code and formulas in a text: no prose, so not judged as such; too much of them is no answer.

Code is what stands between fences of Markdown, and, since of a page only its lines are left, lines that look like it.
"""

from __future__ import annotations

import polars as pl

BLOCK = r"(?m:^[ ]*```)(?s:.*?)(?m:^[ ]*```[ ]*$)"
FORMULA = r"\$\$(?s:.{1,3000}?)\$\$"
# As in C, CSS, HTML, JavaScript, Python: ends with a brace, or a semicolon behind another sign (a remark may follow),
# or begins so.
_ENDS = r"[^\n]*[(){}=<>:\x22'][^\n]*[;{}](?:[ ]*//[^\n]*)?|[{}()\[\];,]{1,4}"
_BEGINS = (
    r"(?://|/\*|\*/|</?[A-Za-z!]|[})\]]|>>> |import \w|from [\w.]+ import|console\.|(?:const|let|var|def|class) \w)"
)
LINE = rf"(?m:^[ ]*(?:{_ENDS}|{_BEGINS}[^\n]*)[ ]*$)"


def prose(text: pl.Expr) -> pl.Expr:
    """The text without code and formulas."""
    return text.str.replace_all(rf"(?:{BLOCK}|{FORMULA}|{LINE})\n?", "")
