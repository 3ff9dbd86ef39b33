"""Lists the local files that a source names, and why some of them are not read.

`fsspec` follows every link: it enters a link to a parent folder again and again until the path is too long, and it
waits without end on a pipe. Here a link is followed only if it leads below the source's folder or into DVC's cache, or
if the source sets `outside: true`. No folder is walked twice.

If this user may not read a folder or file below the source, the other files are still read. Any other error ends the
stage, because the next run may read what this run could not.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fsspec.utils import glob_translate  # type: ignore[import-untyped]

from x_instruction.runner.errors import InputError

MAGIC = re.compile(r"[*?[]")
# Values of `Found.refused`: this user has no permission to read the folder or file.
CLOSED_FOLDER, CLOSED_FILE = "closed_folder", "closed_file"


class Found(NamedTuple):
    """A file and its size in bytes. `refused` is the reason why it must not or cannot be read; None if there is none.

    A folder that cannot be listed is a Found too. Its size is not known, so `_weighed` estimates it.
    """

    path: str
    size: int
    refused: str | None


def local_files(path: str, root: Path, outside: bool) -> list[Found]:
    """The files that a path names: a single file, those below a folder, or those that match a pattern.

    The list of an empty folder is empty. Raises FileNotFoundError if the path does not exist or nothing matches the
    pattern, PermissionError if the folder itself cannot be listed, and InputError if the path is neither a file nor a
    folder, or is outside the project although `outside` is not set.
    """
    pattern = MAGIC.search(path) and not os.path.lexists(path)  # a file may have brackets in its name
    place = Path(path[: MAGIC.search(path).start()] if pattern else path)  # type: ignore[union-attr]
    base = place if not pattern or path[: len(str(place)) + 1].endswith("/") else place.parent
    real = base.resolve(strict=True)
    if not outside:
        refuse_outside(path, base, root)
    if not real.is_dir():
        if pattern:  # nothing is below a file
            raise FileNotFoundError(path)
        kind = base.stat().st_mode
        if not stat.S_ISREG(kind):
            raise InputError(f"source {path} is neither a file nor a folder, but a pipe, socket or device: name a file")
        return [Found(path, base.stat().st_size, None)]
    found = sorted(_walk(str(base), None if outside else allowed_places(real, root)))
    if not pattern:
        return _weighed(found)
    wanted, above = re.compile(glob_translate(path)), _above(path)
    matched = [file for file in found if (above if file.refused == CLOSED_FOLDER else wanted).match(file.path)]
    if not matched:
        raise FileNotFoundError(path)
    return _weighed(matched)


def _above(pattern: str) -> re.Pattern[str]:
    """A pattern of the folders below which a file may match the given pattern."""
    parts = pattern.split("/")
    ends = range(2, len(parts) + (parts[-1] == "**"))
    return re.compile("|".join(glob_translate("/".join(parts[:end])) for end in ends))


def _weighed(found: list[Found]) -> list[Found]:
    """Gives each closed folder the mean size of the other folders with files, because its size is not known."""
    sizes: Counter[str] = Counter()
    for file in found:
        if file.refused is None:
            sizes[str(Path(file.path).parent)] += file.size
    mean = sizes.total() // max(len(sizes), 1)
    return [file._replace(size=mean) if file.refused == CLOSED_FOLDER else file for file in found]


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
    """Where links in a folder may lead: below the folder, or into DVC's cache, because DVC may link files to it."""
    return folder.resolve(), root.resolve() / ".dvc" / "cache"


def _walk(base: str, allowed: tuple[Path, ...] | None) -> Iterator[Found]:
    waiting, seen = [base], {os.path.realpath(base)}
    while waiting:
        folder = waiting.pop()
        try:
            entries = _entries(folder)
        except PermissionError:
            if folder == base:
                raise
            yield Found(folder, 0, CLOSED_FOLDER)
            continue
        for entry in entries:
            if entry.is_symlink() and not leads_within(entry.path, allowed):
                yield Found(entry.path, _size(entry.path), "outside_link")
            elif not entry.is_dir():
                yield Found(entry.path, _size(entry.path), _refused(entry))
            elif (real := os.path.realpath(entry.path)) not in seen:
                seen.add(real)
                waiting.append(entry.path)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder. Raises PermissionError if the folder cannot be listed or no file in it can be opened."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
    with os.scandir(folder) as entries:
        return list(entries)


def _refused(entry: os.DirEntry[str]) -> str | None:
    if not entry.is_file():
        return "irregular_file"
    return None if os.access(entry.path, os.R_OK) else CLOSED_FILE


def leads_within(link: str, allowed: tuple[Path, ...] | None) -> bool:
    """Whether a link leads to something that may be read. If `allowed` is None, everything that exists may be read."""
    real = Path(os.path.realpath(link))
    # Unlike `Path.exists`, this raises no error for a link into a closed folder.
    return os.access(real, os.F_OK) and (allowed is None or any(real.is_relative_to(folder) for folder in allowed))


def _size(path: str) -> int:
    """Bytes of a file; 0 if there is no file, as for a broken link or a link to a folder."""
    try:
        status = Path(path).stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
