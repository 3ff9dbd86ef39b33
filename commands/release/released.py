"""What is released: the set or a tuned model of the last run, if it has not changed since it was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from x_instruction.runner.errors import InputError
from x_instruction.runner.files import hash_paths
from x_instruction.runner.published import content_of

DATA = Path("data")
SET = "released_set"
CARD = "README.md"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Release:
    """One release. `kind` is the kind of repository on the hub. `folder` is the published folder from which it is made.

    `files` maps each path in the release to a local file or to bytes.

    Every earlier release has the files of `always`. Files that match a pattern of `replaced` belong to an earlier
    release if the new one does not have them: they are removed from the hub or from a folder.
    """

    kind: Literal["dataset", "model"]
    folder: Path
    files: Mapping[str, Path | bytes]
    always: tuple[str, ...]
    replaced: tuple[str, ...]

    def is_replaced(self, name: str) -> bool:
        return any(matches(name, pattern) for pattern in self.replaced)


def matches(name: str, pattern: str) -> bool:
    """Like fnmatch, but `*` does not match a slash, so that files in deeper folders do not match."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch, parts, patterns))


def the_set(root: Path) -> Release:
    """The released set. Raises InputError if it is missing, or has changed since it was checked and published."""
    folder = finished(root, SET) / "dataset"
    return Release(
        "dataset",
        folder,
        files_of(folder),
        always=(CARD, "croissant.json"),
        replaced=("*/train-*.parquet", "croissant.json"),
    )


def finished(root: Path, artifact: str) -> Path:
    """The folder of an artifact. Raises InputError if it is missing, or has changed since it was published."""
    folder = DATA / artifact
    manifest = root / folder / MANIFEST
    if not manifest.exists():
        raise InputError(f"{folder} does not exist or is unfinished: run `dvc repro {artifact}` first")
    judged = [path for path in (root / folder).iterdir() if path.name != MANIFEST]
    if hash_paths(judged) != content_of(root / folder):
        raise InputError(f"{folder} was changed after it passed its gate: `dvc checkout {folder}` restores it")
    return root / folder


def files_of(folder: Path) -> dict[str, Path]:
    """The files of a folder by their relative paths."""
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
