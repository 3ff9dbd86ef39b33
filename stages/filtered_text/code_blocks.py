"""Program code and formulas in a text: no prose, so not judged as such; too much of them is no answer.

Code is what stands between fences of Markdown, and, since of a page only its lines are left, lines that look like it.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.rule import broken, percent
from stages.languages import LanguageSettings
from stages.settings import FilteredText

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


def mostly_code(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> pl.DataFrame:
    """Share of the characters in code and formulas: of `whole`, what `text` has no longer."""
    share, most = 1 - pl.col("text").str.len_chars() / pl.col("whole").str.len_chars(), settings.max_code_share
    return frame.with_columns(broken(share > most, f"{{}} % of characters in code > {most:.0%}", percent(share)))
