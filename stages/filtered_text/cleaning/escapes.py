r"""Restores quotation marks (\") and line ends (\n) that a program escaped and never unescaped."""

from __future__ import annotations

import polars as pl

from x_instruction.language.sentences import CLOSERS, marks
from x_instruction.language.settings import LanguageSettings

# In a text with program code, a backslash before a quotation mark is intended.
CODE = r"[{}`;]"


def without_escapes(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    r"""The texts with escaped quotation marks and line ends restored. Texts with program code are left as they are.

    \n counts as an escaped line end only after a sentence end or a closing mark, twice in a row, or before a capital,
    because C:\new contains no line end. 42 of 431 real Bengali documents contain \", and 16 of 884 Swahili ones contain
    \n.
    """
    after_end = rf"([{marks(language)}{CLOSERS}]) *(?:\\n)+"
    line_end = rf"(?:{after_end}|(?:\\n){{2,}}) *| *\\n *(\p{{Lu}})"
    text = pl.col("text")
    unescaped = text.str.replace_all('\\"', '"', literal=True).str.replace_all(line_end, "${1}\n${2}")
    kept = pl.when(text.str.contains(CODE)).then(text).otherwise(unescaped)
    return texts.alias("text").to_frame().select(kept).to_series().alias(texts.name)
