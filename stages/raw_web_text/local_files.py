"""Lists the local files that a source names, and why some of them are not read.

`fsspec` follows every link: it enters a link to a parent folder again and again until the path is too long, and it
waits without end on a pipe. Here a link is followed only if it leads below the source's folder or into DVC's cache, or
if the source sets `outside: true`. No folder is walked twice.
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
    """A file and its size in bytes. `refused` is the reason why it is not read; None if it is read."""

    path: str
    size: int
    refused: str | None


def local_files(path: str, root: Path, outside: bool) -> list[Found]:
    """The files that a path names: a single file, those of a folder, or those that match a pattern.

    Raises FileNotFoundError if there are none, and InputError if the path is neither a file nor a folder, or is outside
    the project although `outside` is not set.
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
    """Raises InputError if neither the named place nor the place that it links to is in the project.

    A folder in the project may be a link, for example to a folder on a larger disk.
    """
    named = Path(os.path.normpath(root.absolute() / place))
    if not named.is_relative_to(root.absolute()) and not place.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"source {source} is outside the project, in {named}: set `outside: true` of the source if that is intended"
        )


def allowed_places(folder: Path, root: Path) -> tuple[Path, Path]:
    """Where links in a folder may lead: below the folder, and into DVC's cache, because DVC may link its files."""
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
    """Whether a link leads to something that may be read. If `allowed` is None, everything that exists may be read."""
    real = Path(os.path.realpath(link))
    return real.exists() and (allowed is None or any(real.is_relative_to(folder) for folder in allowed))


def _size(path: str) -> int:
    """Bytes of a file; 0 if there is no file, as for a broken link or a link to a folder."""
    try:
        status = Path(path).stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
