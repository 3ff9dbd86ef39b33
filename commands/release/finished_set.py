"""The released set of the last run, checked before it is copied or uploaded."""

from __future__ import annotations

from pathlib import Path

from x_instruction.runner.errors import InputError
from x_instruction.runner.files import hash_paths, read_json

RELEASED = Path("data", "released_set")
MANIFEST = "manifest.json"


def finished_set(root: Path) -> Path:
    """The folder to publish. Raises InputError if the set is missing or differs from the set that passed the gate."""
    manifest = root / RELEASED / MANIFEST
    if not manifest.exists():
        raise InputError(f"{RELEASED} does not exist or is unfinished: run `dvc repro released_set` first")
    judged = [path for path in (root / RELEASED).iterdir() if path.name != MANIFEST]
    if hash_paths(judged) != read_json(manifest)["content"]:
        raise InputError(f"{RELEASED} was changed after it passed its gate: `dvc checkout {RELEASED}` restores the set")
    return root / RELEASED / "dataset"


def files_of(folder: Path) -> dict[str, Path]:
    """The files of the set by their relative paths."""
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
