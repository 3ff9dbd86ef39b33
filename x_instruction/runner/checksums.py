"""Checks that a file still has the content that was written: a failing disk or a bad copy may have changed it.

The checksums are XXH3 hashes of 128 bits. On one core, XXH3 read 6 GB a second from the page cache, and SHA-256 read
1.1 GB. The checksums protect against accidents, but not against an attacker, who could change them too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import xxhash

from x_instruction.runner.errors import DamagedError
from x_instruction.runner.files import read_json, write_json

FILES, CHECKSUM = "files", "checksum"


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()


def checksums(folder: Path, leave_out: Iterable[str] = ()) -> dict[str, str]:
    """Maps the relative path of each file under the folder to its checksum.

    Files are left out if their names begin with a dot or are in `leave_out`.
    """
    names = sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name not in leave_out
    )
    return {name: checksum(folder / name) for name in names}


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Writes the mapping as JSON, with a checksum of the mapping as an additional value."""
    write_json(path, {**value, CHECKSUM: _checksum_of(value)})


def read_sealed(path: Path, or_by_hand: bool = False) -> dict[str, Any]:
    """Reads a mapping that `write_sealed` wrote. Raises DamagedError if the file has changed since then.

    With `or_by_hand`, a mapping without a checksum is also accepted.
    """
    try:
        value = read_json(path, ours=True)
    except ValueError:
        raise DamagedError(path) from None
    if not isinstance(value, dict) or not _is_listing(value.get(FILES, {})):
        raise DamagedError(path)
    written = value.pop(CHECKSUM, None)
    if written != _checksum_of(value) and not (or_by_hand and written is None):
        raise DamagedError(path)
    return value


def _is_listing(files: object) -> bool:
    return isinstance(files, dict) and all(isinstance(value, str) for value in files.values())


def refuse_changed(folder: Path, listed: Mapping[str, str], names: Iterable[str] | None = None) -> None:
    """Raises DamagedError for the first listed file that is missing or has another checksum than the `listed` one.

    If `names` is given, only listed files with these names are compared.
    """
    for name in listed if names is None else names:
        path = folder / name
        if name in listed and not (path.is_file() and checksum(path) == listed[name]):
            raise DamagedError(path)


def _checksum_of(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))
