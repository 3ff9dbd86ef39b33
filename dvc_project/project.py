"""Reads the project through DVC, and uses nothing that was read while another run was writing `dvc.lock`.

A `dvc` command of the user writes this file in place, under DVC's repository lock. Reading a hundred stages takes
seconds, and a user's command should not wait that long for the lock. So the lock is held only to look at the inode,
time and size of `dvc.lock`, once before and once after the project is read. The result is used only if all three are
unchanged. After five tries, the project is read under the lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import PipelineStage

from dvc_project.waiting import patiently
from stages.params import Settings, load_settings
from x_instruction.runner.errors import InputError
from x_instruction.runner.listed_inputs import refuse_unlisted

TRIES = 5
LOCK_REMEDY = (
    ". The file is damaged, perhaps because a `dvc` command was killed while it wrote the file: restore it with "
    "`git checkout dvc.lock`, or delete it; then run again, and finished work is used again"
)


@dataclass(frozen=True)
class Project:
    """DVC's stages by name, with all variables replaced, and the entries of `dvc.lock`."""

    stages: dict[str, PipelineStage]
    entries: dict[str, dict[str, Any]]


def read_settings(root: Path) -> Settings:
    """The settings of the project. Raises SettingsError also if `dvc.yaml` lacks an input that the settings name."""
    settings = load_settings(root / "params.yaml")
    refuse_unlisted(root / "dvc.yaml", settings.inputs(root))
    return settings


@contextmanager
def open_project(root: Path) -> Iterator[Project]:
    """A context with the project, whose stages can compute hashes.

    Raises InputError if DVC cannot read `dvc.yaml` or `dvc.lock`, or if another command has the lock for too long.
    """
    try:
        repo = Repo(str(root))
        project = patiently(root, "reading the graph", lambda: _undisturbed(repo))
    except DvcException as error:
        remedy = LOCK_REMEDY if "dvc.lock" in str(error) else ""
        raise InputError(f"DVC cannot read the graph of {root}: {' '.join(str(error).split())}{remedy}") from error
    with repo:
        yield project


def read_lock(root: Path) -> dict[str, dict[str, Any]]:
    path = root / "dvc.lock"
    if not path.exists():
        return {}
    return (yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}).get("stages", {})


def _undisturbed(repo: Repo) -> Project:
    for _ in range(TRIES):
        before = _lock_mark(repo)
        try:
            project = _read(repo)
        except (DvcException, yaml.YAMLError):
            if _lock_mark(repo) == before:
                raise
        else:
            if _lock_mark(repo) == before:
                return project
        repo._reset()
    with repo.lock:
        return _read(repo)


def _read(repo: Repo) -> Project:
    # Names are used because a stage's address depends on the current folder.
    stages = {stage.name: stage for stage in repo.index.stages if isinstance(stage, PipelineStage)}
    return Project(stages, read_lock(Path(repo.root_dir)))


def _lock_mark(repo: Repo) -> tuple[int, int, int] | None:
    """A value that changes whenever `dvc.lock` is written."""
    with repo.lock:
        path = Path(repo.root_dir) / "dvc.lock"
        if not path.exists():
            return None
        found = path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
