"""Writes files and folders so that no reader finds an unfinished one, and hashes content."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from x_instruction.runner.errors import InputError, UnreadableError, in_one_line

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # Linux constants that mean: relative to the current folder; swap the paths


def digest(*parts: str | bytes | memoryview) -> str:
    """SHA-256 over the parts as hex.

    Each part is preceded by its length, so that the parts "ab" and "c" do not have the hash of "a" and "bc".
    """
    state = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "big"))
        state.update(data)
    return state.hexdigest()


def hash_paths(paths: Iterable[Path]) -> str:
    """SHA-256, as hex, over the names and contents of the given files and of all files in the given folders.

    A file's name is its path relative to the parent of the given path.
    """
    state = hashlib.sha256()
    for path in sorted(paths):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                state.update(str(file.relative_to(path.parent)).encode() + b"\0")
                state.update(_file_hash(file))
    return state.hexdigest()


def _file_hash(file: Path) -> bytes:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def write_atomically(path: Path, data: bytes) -> None:
    """Writes the data to a temporary file beside `path`, syncs it, and renames it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary = Path(name)
    temporary.chmod(0o644)
    temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON with sorted keys and unescaped characters; equal values give equal bytes."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    write_atomically(path, text.encode("utf-8"))


class OurValues(dict[str, Any]):
    """The values of an object in a JSON file of this project.

    A missing key raises InputError instead of KeyError, because the versions of this project write other keys.
    """

    def __init__(self, values: Mapping[str, Any], path: Path) -> None:
        super().__init__(values)
        self._path = path

    def __missing__(self, key: str) -> Any:
        raise other_version(self._path)


def other_version(path: Path) -> InputError:
    """The error for a file of this project whose values are not those that this version reads."""
    return InputError(
        f"{path} was made by another version of X-Instruction: run the stage that makes it again, then run again"
    )


def read_json(path: Path, *, ours: bool = False) -> Any:
    """Reads the value of a JSON file. Raises UnreadableError if the file is not JSON, or is nested too deeply.

    `ours`: this project wrote the file, so objects are read as OurValues.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text, object_hook=(lambda values: OurValues(values, path)) if ours else None)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(
            f"{path} is not JSON that can be read ({in_one_line(error)}): make it or get it again, then run again"
        ) from None


def replace_folder(staged: Path, target: Path) -> None:
    """Replaces the folder `target` by the finished folder `staged`; both must be on one file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # The old folder is renamed and deleted later, so that no reader finds a half-deleted folder.
    with tempfile.TemporaryDirectory(dir=staged.parent, prefix=f".{target.name}.") as aside:
        if target.exists() and _exchanged(staged, target):
            staged.replace(Path(aside, target.name))
            return
        if target.exists():
            target.replace(Path(aside, target.name))
        staged.replace(target)


def _exchanged(first: Path, second: Path) -> bool:
    """Swaps two paths in one step, so that neither is ever missing. Returns False if the system cannot do that."""
    try:
        swap = ctypes.CDLL(None).renameat2
    except AttributeError:
        return False
    return bool(swap(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE) == 0)
