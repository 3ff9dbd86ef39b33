"""Writes tables of Markdown for the cards of models and of the released set."""

from __future__ import annotations

import re


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown. A bar or a line end in a cell does not end the cell; other Markdown in it is kept."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    # Backslashes before a bar are doubled. Otherwise, the last one would escape the one that is added before the bar.
    return re.sub(r"(\\*)\|", r"\1\1\\|", " ".join(text.splitlines()))
