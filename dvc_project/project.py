"""Open the project through DVC, and never while another run is in the midst of writing `dvc.lock`.

DVC writes the lock file in place, under its repository lock. Reading takes seconds with a hundred stages, too long to
hold that lock against a person's `dvc` command; so it is taken for two glances, and the reading in between counts if
both saw the same file.
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

TRIES = 5


@dataclass(frozen=True)
class Project:
    """DVC's stages by name, resolved, and the entries of `dvc.lock` as they stand there."""

    stages: dict[str, PipelineStage]
    entries: dict[str, dict[str, Any]]


@contextmanager
def open_project(root: Path) -> Iterator[Project]:
    """The stages can be asked for hashes while this is open."""
    with Repo(str(root), _wait_for_lock=True) as repo:
        yield _undisturbed(repo)


def read_lock(root: Path) -> dict[str, dict[str, Any]]:
    path = root / "dvc.lock"
    if not path.exists():
        return {}
    return (yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}).get("stages", {})


def _undisturbed(repo: Repo) -> Project:
    for _ in range(TRIES):
        before = _mark(repo)
        try:
            project = _read(repo)
        except (DvcException, yaml.YAMLError):
            if _mark(repo) == before:
                raise
        else:
            if _mark(repo) == before:
                return project
        repo._reset()
    with repo.lock:
        return _read(repo)


def _read(repo: Repo) -> Project:
    # A stage's addressing depends on the folder one stands in; its name does not.
    stages = {stage.name: stage for stage in repo.index.stages if isinstance(stage, PipelineStage)}
    return Project(stages, read_lock(Path(repo.root_dir)))


def _mark(repo: Repo) -> tuple[int, int, int] | None:
    with repo.lock:
        path = Path(repo.root_dir) / "dvc.lock"
        if not path.exists():
            return None
        found = path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
