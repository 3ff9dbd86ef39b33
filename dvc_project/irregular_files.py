"""Refuses pipes, sockets and devices among the files that DVC hashes, because DVC would read them forever.

A stage would drop such a file with a reason, but DVC hashes the whole source folder before the stage runs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from dvc_project.graph import Graph
from x_instruction.runner.errors import InputError


def refuse_irregular(graph: Graph, names: Collection[str] | None = None) -> None:
    """Raises InputError for the first irregular file among the sources of the named stages (by default, of all)."""
    stages = [stage for name, stage in graph.stages.items() if names is None or name in names]
    for source in sorted({source for stage in stages for source in stage.sources}):
        for path in _irregular(graph.root / source):
            raise InputError(
                f"{path} is a pipe, socket or device in {source}, which DVC would read without end: move it elsewhere"
            )


def _irregular(path: Path) -> Iterator[str]:
    if not path.is_dir():
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            yield str(path)
        return
    waiting = [str(path)]
    while waiting:
        # DVC skips a folder that it has no permission to list.
        with suppress(PermissionError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif os.access(entry.path, os.F_OK) and not entry.is_file() and not entry.is_dir():
                    yield entry.path
