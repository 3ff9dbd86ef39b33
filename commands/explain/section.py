"""An explanation as sections of facts, printed for a terminal or as a table of Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field

LABEL_WIDTH, LINE = 22, 118
CELL = 600  # characters in a cell of the table of Markdown
MARKED = "\\`*_[]<>|#~$"


@dataclass(frozen=True)
class Table:
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Section:
    """What one stage did with the row. `verdict` is the result, such as "kept"; `facts` are named values."""

    title: str
    verdict: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    table: Table | None = None


def one_line(value: object, length: int) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def number(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.4g}"


def as_text(sections: list[Section]) -> str:
    return "\n\n".join(_text_of(section) for section in sections)


def _text_of(section: Section) -> str:
    lines = [f"{section.title}: {section.verdict}"]
    lines += [f"  {name:<{LABEL_WIDTH}}{one_line(value, LINE - LABEL_WIDTH - 2)}" for name, value in section.facts]
    if section.table:
        rows = [section.table.header, *section.table.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(section.table.header))]
        lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines)


def as_markdown(sections: list[Section]) -> str:
    """All sections as one table, in which the marks of Markdown and HTML are escaped."""
    lines = ["| artifact | what | value |", "|---|---|---|"]
    for section in sections:
        lines.append(_row(section.title, section.verdict, ""))
        lines += [_row("", name, value) for name, value in section.facts]
        if section.table:
            header = section.table.header
            lines += [
                _row("", row[0], ", ".join(f"{name}: {cell}" for name, cell in zip(header[1:], row[1:], strict=True)))
                for row in section.table.rows
            ]
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return "| " + " | ".join(_escaped(one_line(cell, CELL)) for cell in cells) + " |"


def _escaped(text: str) -> str:
    """The text in Unicode's first-strong isolate, so that Urdu text does not reverse the row."""
    escaped = "".join(f"&#{ord(character)};" if character in MARKED else character for character in text)
    return f"\u2068{escaped}\u2069" if escaped else ""
