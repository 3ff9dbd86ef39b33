"""The README's table of measured claims, made from data/bench/*.json and held to them by a test."""

from __future__ import annotations

import json

from tests.benchmarks.table import FIGURES, ROOT

README = ROOT / "README.md"
START, END = "<!-- figures: made by make bench -->", "<!-- end of figures -->"


def table() -> str:
    """A Markdown table of every benchmark's rows; says so where none was run yet."""
    lines = ["| benchmark | case | unit | ours | peer | ours / peer | peer is |", "|---|---|---|--:|--:|--:|---|"]
    written = sorted(FIGURES.glob("*.json"))
    if not written:
        return "(none yet)"
    for path in written:
        for row in json.loads(path.read_text(encoding="utf-8")):
            figures = " | ".join(f"{row[key]:,.4g}" for key in ("ours", "peer", "ratio"))
            lines.append(f"| {path.stem} | {row['case']} | {row['unit']} | {figures} | {row['note']} |")
    return "\n".join(lines)


def rendered(readme: str) -> str:
    """The README with its table made anew. Raises ValueError where its two marks are missing."""
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"README.md must hold '{START}' and '{END}'")
    return f"{before}{START}\n{table()}\n{END}{after}"


def write() -> None:
    README.write_text(rendered(README.read_text(encoding="utf-8")), encoding="utf-8")
