r"""Quotation marks (\") and line ends (\n) that a program escaped and nobody put back."""

from __future__ import annotations

import polars as pl

# Where there is code, a backslash before a mark is meant.
CODE_SIGNS = r"[{}`;]"
# Behind the end of a sentence, a bracket or a quotation, twice, or before a capital: C:\new is a name.
LINE_END = r"""(?:([.!?…)"'”’]) *(?:\\n)+|(?:\\n){2,}) *| *\\n *(\p{Lu})"""


def without_escapes(frame: pl.DataFrame) -> pl.DataFrame:
    r"""Of real documents 42 of 431 Bengali and 2 of 1,902 Urdu ones hold \", and 16 of 884 Swahili ones \n.

    In the other languages only lessons on code do.
    """
    text = pl.col("text")
    plain = text.str.replace_all('\\"', '"', literal=True).str.replace_all(LINE_END, "${1}\n${2}")
    return frame.with_columns(pl.when(text.str.contains(CODE_SIGNS)).then(text).otherwise(plain))
