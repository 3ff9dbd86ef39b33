"""Writes Markdown tables for the cards of models and of the released set."""

from __future__ import annotations

import re


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table. A `|` or a line end in a cell does not end the cell; other Markdown in a cell is kept."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    # Backslashes before a `|` are doubled. Otherwise, the last one would escape the one that is added before the `|`.
    return re.sub(r"(\\*)\|", r"\1\1\\|", " ".join(text.splitlines()))
