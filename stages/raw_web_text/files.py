"""Finds the files of a source, local or by URL, and decides which of them are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import fsspec  # type: ignore[import-untyped]

from stages.raw_web_text.columns import plain_text
from stages.raw_web_text.hosts import parts_of, refuse_private_hosts, web_options
from stages.raw_web_text.local_files import CLOSED_FILE, CLOSED_FOLDER, MAGIC, Found, local_files, refuse_outside
from stages.raw_web_text.schema import Record
from stages.raw_web_text.settings import Source
from x_instruction.runner.errors import InputError, XInstructionError
from x_instruction.runner.shards import DROPS

COMPRESSED = (".gz", ".zst")
# If a name has several of these endings, the last one decides: x.warc.wet.gz is WET.
FORMATS = {
    ".html": "html",
    ".htm": "html",
    ".warc": "warc",
    ".wet": "wet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class SourceFile:
    """`name` is the file's name in the provenance: relative to the project if it is inside, else its full address."""

    system: Any
    path: str
    name: str
    format: str


class Listing(NamedTuple):
    """The files of a source that are read, sorted by path, and a record for each file or folder that is not read."""

    files: list[SourceFile]
    unread: list[Record]


def listing(source: Source, language: str, root: Path) -> Listing:
    """The files of a source. Raises InputError if the source cannot be opened, or has no file that can be read."""
    pattern = source.path.replace("{language}", language)
    system, path = opened_system(pattern, source, root)
    with reached(pattern):
        try:
            found = _found(system, path, source, root)
        except FileNotFoundError as error:
            cause = f" ({one_line(error.__cause__)})" if error.__cause__ else ""
            remedy = f"put the {language} pages there or correct raw_web_text.sources"
            raise InputError(f"source {pattern} does not exist{cause}: {remedy}") from None
    result = Listing([], [])
    for file in sorted(found, key=lambda file: PurePosixPath(file.path)):
        name, form = _name(system, file.path, root), _format(file, path, source)
        refused = _drops_of_an_artifact(file, path) or file.refused or (None if form else "unread_file")
        if refused or not form:
            result.unread.append(_unread(name, refused or "unread_file", file.size))
        else:
            result.files.append(SourceFile(system, file.path, name, form))
    if not result.files:
        wanted = f".{source.format}" if source.format else ", ".join(FORMATS)
        others = f" but {len(result.unread)} other files or folders" if result.unread else ""
        remedy = _remedy({record["reason"] for record in result.unread})
        raise InputError(f"source {pattern} has no file of a known kind ({wanted}){others}: {remedy}")
    return result


def _remedy(reasons: set[str]) -> str:
    """What the user can do if no file of a source can be read. `reasons` says why the found files are not read."""
    if "outside_link" in reasons:
        return "set `outside: true` if its links may lead out of its folder"
    if {CLOSED_FOLDER, CLOSED_FILE} & reasons:
        return "allow this user to read them"
    return "convert them, or set `format` if only their names differ" if reasons else "add one or set `format`"


def files_of(source: Source, language: str, root: Path) -> list[SourceFile]:
    """The files of a source that are read, sorted by path. Raises InputError in the same cases as `listing`."""
    return listing(source, language, root).files


def opened_system(pattern: str, source: Source, root: Path) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Raises InputError if the address leads to a host or an archive that the source must not use, or if fsspec cannot
    open it.
    """
    address = pattern if "://" in pattern else str(root.absolute() / pattern)
    if not source.outside:
        refuse_private_hosts(address, pattern)
        _refuse_packed_outside(address, pattern, root)
    try:
        system, path = fsspec.core.url_to_fs(address, **({} if source.outside else web_options(address)))
    except (ValueError, ImportError) as error:
        raise InputError(f"source {pattern} cannot be opened ({error}): correct raw_web_text.sources") from None
    return system, str(path)


def _refuse_packed_outside(address: str, pattern: str, root: Path) -> None:
    """Raises InputError if a chained address (`zip://a.jsonl::/etc/a.zip`) reads a local file outside the project."""
    for protocol, part in parts_of(address)[1:]:
        if protocol in ("file", "local"):
            refuse_outside(pattern, Path(root, part.removeprefix(f"{protocol}://")), root)


def _found(system: Any, path: str, source: Source, root: Path) -> list[Found]:
    """All files that a path names. The list of an empty folder is empty.

    Raises FileNotFoundError if the path does not exist or nothing matches the pattern.
    """
    if "file" in system.protocol:
        return local_files(path, root, source.outside)
    if MAGIC.search(path) and not system.exists(path):  # a file may have brackets in its name
        matched = system.glob(path, detail=True)
        if not any(found["type"] == "file" for found in matched.values()):
            raise FileNotFoundError(path)
        return _files(matched)
    info = system.info(path)  # raises an error with the cause, unlike `exists`
    # A web server has no folders; `isdir` would download the whole file and look for links in it.
    if not {"http", "https"} & set(system.protocol) and system.isdir(path):
        return _files(system.find(path, detail=True))
    return [Found(path, int(info.get("size") or 0), None)]


def _files(found: dict[str, Any]) -> list[Found]:
    return [Found(name, int(info.get("size") or 0), None) for name, info in found.items() if info["type"] == "file"]


def _format(file: Found, path: str, source: Source) -> str | None:
    """The format of a file, or None if it is not read.

    If a source with a `format` is a folder, only the files whose names indicate this format are read.
    """
    known = file_format(file.path)
    if file.path.startswith(f"{path.rstrip('/')}/"):
        return known if source.format in (None, known) else None
    return source.format or known


def _drops_of_an_artifact(file: Found, path: str) -> str | None:
    """The reason not to read a file with the dropped rows of a published artifact; None for other files.

    Dropped rows must not come back as data, unless the source names their folder.
    """
    return "drops_of_an_artifact" if DROPS in PurePosixPath(file.path).parts and DROPS not in path else None


def _unread(name: str, reason: str, size: int) -> Record:
    """The record of a file or folder that is not read. The bytes of an artifact's dropped rows are not `lost`."""
    kind = "".join(PurePosixPath(name).suffixes[-2:]) or "no ending"
    # Nobody knows the size of a folder that cannot be listed.
    value = (
        f"about {size} bytes, the mean size of the other folders"
        if reason == CLOSED_FOLDER
        else f"{kind}, {size} bytes"
    )
    return {"source": name, "record": 0, "reason": reason, "value": value, "lost": 0 if "drops" in reason else size}


def file_format(name: str) -> str | None:
    """The format that a file's name indicates; None for an unknown ending."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def _name(system: Any, path: str, root: Path) -> str:
    if "file" not in system.protocol:
        return plain_text(system.unstrip_protocol(path))
    local = Path(path)
    inside = local.is_relative_to(root.absolute())
    return plain_text((local.relative_to(root.absolute()) if inside else local).as_posix())


@contextmanager
def reached(name: str) -> Iterator[None]:
    """Turns any error of the libraries that fetch files into InputError. These errors have no class in common."""
    try:
        yield
    except XInstructionError:
        raise
    except Exception as error:
        cause = f"{type(error).__name__}: {one_line(error)}"
        raise InputError(f"source {name} cannot be reached ({cause}): check path, rights, keys and network") from None


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
