"""Keeps finished work outside DVC's outputs. An entry is used only if none of its files has changed.

<store>/<key>/…             the files of an entry
<store>/<key>/sealed.json   written last: the checksum of each file, and facts about the entry

When checksums were not compared, flipped bits in finished shards were published in 3 of 3 trials, and a truncated shard
made every later run fail.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from x_instruction.runner.checksums import FILES, checksum, checksums, read_sealed, refuse_changed, write_sealed
from x_instruction.runner.errors import DamagedError

SEAL, NOTE = "sealed.json", ".noted.json"


def seal(entry: Path, **facts: Any) -> None:
    """Marks the entry as finished, and stores facts about it, which `finished` returns."""
    write_sealed(entry / SEAL, {**facts, FILES: checksums(entry, leave_out=[SEAL])})


def finished(entry: Path) -> dict[str, Any] | None:
    """The facts of a finished entry, or None. Reports and deletes a damaged entry, which counts as not finished."""
    if not (entry / SEAL).exists():
        return None
    try:
        facts = read_sealed(entry / SEAL)
        refuse_changed(entry, facts[FILES])
    except DamagedError as damaged:
        print(f"warning: {damaged.path} is damaged: it is deleted and made again", file=sys.stderr)
        shutil.rmtree(entry, ignore_errors=True)
        return None
    return facts


def note(path: Path) -> None:
    """Writes down the checksum of a file in an entry that is not finished yet."""
    write_sealed(path.with_suffix(NOTE), {FILES: {path.name: checksum(path)}})


def as_noted(path: Path) -> bool:
    """Whether the file exists and has the checksum that `note` wrote. Prints a warning if the file is damaged."""
    if not (path.exists() and path.with_suffix(NOTE).exists()):
        return False
    try:
        refuse_changed(path.parent, read_sealed(path.with_suffix(NOTE))[FILES])
    except DamagedError as damaged:
        print(f"warning: {damaged.path} is damaged: it is made again", file=sys.stderr)
        return False
    return True


def remove_temporary(folder: Path) -> None:
    """Removes the files under a folder if their names begin with a dot: runs that were killed left these files."""
    for path in folder.rglob(".*"):
        if path.is_file():
            path.unlink(missing_ok=True)
