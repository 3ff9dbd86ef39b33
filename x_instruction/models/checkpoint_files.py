"""Reads small files of a checkpoint that are useful but not required."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any


def file_of(folder: Path, name: str, revision: str | None = None) -> Path | None:
    """A file of a folder or hub id; None if there is no such file, or if the hub cannot be reached."""
    from transformers.utils import cached_file

    with suppress(OSError, ValueError):
        path = cached_file(str(folder), name, revision=revision, _raise_exceptions_for_missing_entries=False)
        return Path(path) if path else None
    return None


def json_of(folder: Path, name: str, revision: str | None = None) -> dict[str, Any]:
    """The values of a JSON file of a folder or hub id; empty if the file is missing or cannot be read."""
    path = file_of(folder, name, revision)
    with suppress(OSError, ValueError, RecursionError):
        values = json.loads(path.read_text(encoding="utf-8")) if path else {}
        return values if isinstance(values, dict) else {}
    return {}
