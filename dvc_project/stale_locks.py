"""Removes from `.dvc/tmp/rwlock` the locks of `dvc` commands that were killed.

The file lists the processes that read or write paths. DVC removes a dead process from the list only if it blocks a
command. If a killed command has left the file empty or half-written, every command fails. DVC writes the file in place
under a lock of the operating system, and this module takes the same lock.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from dvc.lock import LockError, make_lock

from x_instruction.runner.files import write_atomically


def remove_stale_locks(root: Path) -> None:
    """Removes dead processes from DVC's list of readers and writers, or the whole list if it is damaged."""
    folder = root / ".dvc" / "tmp"
    path = folder / "rwlock"
    if not path.exists():
        return
    try:
        with make_lock(str(folder / "rwlock.lock"), tmp_dir=str(folder)):
            _clean(path)
    except LockError:  # another command is writing the list
        return


def _clean(path: Path) -> None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        living = {
            "write": {name: process for name, process in found.get("write", {}).items() if _lives(process)},
            "read": {name: alive for name, readers in found.get("read", {}).items() if (alive := _living(readers))},
        }
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError):
        print(
            f"warning: {path} is not valid JSON, perhaps after a kill or on a full disk, and is removed",
            file=sys.stderr,
        )
        path.unlink(missing_ok=True)
        return
    if living != {"write": found.get("write", {}), "read": found.get("read", {})}:
        write_atomically(path, json.dumps(living).encode())


def _living(readers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [process for process in readers if _lives(process)]


def _lives(process: dict[str, Any]) -> bool:
    return psutil.pid_exists(int(process["pid"]))
