"""Lists local files: regular ones below the folder that a source names, and what lies beside them.

`fsspec` follows every link, so that a link to a folder above is walked until its path is too long, and a pipe keeps its
reader waiting for ever. Here a link is followed only to a place below the folder, in DVC's cache, or anywhere if the
source says so; no folder is walked twice.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fsspec.utils import glob_translate  # type: ignore[import-untyped]

from x_instruction.runner.errors import InputError

MAGIC = re.compile(r"[*?[]")


class Found(NamedTuple):
    """A file, its size in bytes, and why it is not read, or None."""

    path: str
    size: int
    refused: str | None


def local_files(path: str, root: Path, outside: bool) -> list[Found]:
    """The files that a path names: itself, those of a folder, or those that match a pattern.

    Raises FileNotFoundError if there is nothing, InputError if the place lies outside of the project and `outside` is
    not set, or is neither file nor folder.
    """
    pattern = MAGIC.search(path) and not os.path.lexists(path)  # a file may have brackets in its name
    place = Path(path[: MAGIC.search(path).start()] if pattern else path)  # type: ignore[union-attr]
    base = place if not pattern or path[: len(str(place)) + 1].endswith("/") else place.parent
    real = base.resolve(strict=True)
    if not outside:
        refuse_outside(path, base, root)
    if not real.is_dir():
        kind = base.stat().st_mode
        if not stat.S_ISREG(kind):
            raise InputError(f"source {path} is neither a file nor a folder, but a pipe, socket or device: name a file")
        return [Found(path, base.stat().st_size, None)]
    found = sorted(_walk(str(base), None if outside else allowed_places(real, root)))
    if not pattern:
        return found
    wanted = re.compile(glob_translate(path))
    matched = [file for file in found if wanted.match(file.path)]
    if not matched:
        raise FileNotFoundError(path)
    return matched


def refuse_outside(source: str, place: Path, root: Path) -> None:
    """Raises InputError if the place is not in the project, as it is named or as it really is.

    The named folder may be a link, such as of a folder on a larger disk.
    """
    named = Path(os.path.normpath(root.absolute() / place))
    if not named.is_relative_to(root.absolute()) and not place.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"source {source} lies outside of the project, in {named}: set `outside: true` of the source if it is meant"
        )


def allowed_places(folder: Path, root: Path) -> tuple[Path, Path]:
    """Where the links in a folder may lead: below it, and into DVC's cache, which may hold the files themselves."""
    return folder.resolve(), root.resolve() / ".dvc" / "cache"


def _walk(base: str, allowed: tuple[Path, ...] | None) -> Iterator[Found]:
    waiting, seen = [base], {os.path.realpath(base)}
    while waiting:
        for entry in os.scandir(waiting.pop()):
            if entry.is_symlink() and not leads_within(entry.path, allowed):
                yield Found(entry.path, _size(entry.path), "outside_link")
            elif not entry.is_dir():
                yield Found(entry.path, _size(entry.path), None if entry.is_file() else "irregular_file")
            elif (real := os.path.realpath(entry.path)) not in seen:
                seen.add(real)
                waiting.append(entry.path)


def leads_within(link: str, allowed: tuple[Path, ...] | None) -> bool:
    """Whether a link leads to something that may be read; `allowed` None: anything that exists."""
    real = Path(os.path.realpath(link))
    return real.exists() and (allowed is None or any(real.is_relative_to(folder) for folder in allowed))


def _size(path: str) -> int:
    """Bytes of a file; 0 if it is not a file, such as a broken link or a folder elsewhere."""
    try:
        found = Path(path).stat()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
