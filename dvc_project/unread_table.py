"""The table of input that was not used, such as bad records, unread files, and evaluation rows that are too short."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from stages.params import Settings
from stages.raw_web_text.unread import BAD, CAUSES, DOUBTFUL, in_bytes, lost_bytes, unread_share
from x_instruction.runner.files import read_json
from x_instruction.words.evaluation_prompts import EVALUATION_ROWS, UNPROTECTED_ROWS

SHARE, DAMAGED = "unread share of the bytes", "read from damaged parts"
PROMPTS = "evaluation prompts that are too short"


def unread_table(settings: Settings, data: Path) -> Table | None:
    """The table of input that was not used, by cause and language, with bytes if known; None if all was used."""
    found = {language: _found(data, language) for language in settings.languages}
    causes = list(dict.fromkeys(cause for cells in found.values() for cause in cells))
    if not causes:
        return None
    table = Table(title="Input that was not used, by cause (listed in __drops__)", title_justify="left")
    table.add_column("cause")
    for language in settings.languages:
        table.add_column(language, justify="right")
    for cause in causes:
        table.add_row(cause.replace("_", " "), *(found[language].get(cause, "–") for language in settings.languages))
    return table


def _found(data: Path, language: str) -> dict[str, str]:
    raw = _manifest(data / "raw_web_text" / language)
    reasons, counts = raw.get("drop_reasons", {}), raw.get("counts", {})
    lost = lost_bytes(counts)
    cells = {
        reason: f"{number} ({in_bytes(lost[reason])})" if reason in lost else str(number)
        for reason, number in reasons.items()
        if reason in (*BAD, *CAUSES)
    }
    if counts.get(DOUBTFUL):
        cells[DAMAGED] = in_bytes(counts[DOUBTFUL])
    if lost:
        cells[SHARE] = f"{unread_share(counts):.1%}"
    for artifact in ("filtered_text", "diversified_set"):
        counts = _manifest(data / artifact / language).get("counts", {})
        if counts.get(UNPROTECTED_ROWS):
            cells[f"{PROMPTS} ({artifact})"] = f"{counts[UNPROTECTED_ROWS]} of {counts[EVALUATION_ROWS]}"
    return cells


def _manifest(partition: Path) -> Mapping[str, Any]:
    path = partition / "manifest.json"
    return read_json(path, ours=True) if path.exists() else {}
