"""Compares the content of every file that DVC tracks with its recorded hash.

    python -m dvc_project.doctor --verify [--delete]

The doctor finds damage that `dvc status` does not, because `dvc status` reads neither DVC's cache nor a file whose size
and time have not changed. The doctor hashes every output and input in `dvc.lock` and every object of the cache. With
`--delete`, it deletes damaged outputs and objects, and the next `make run` makes them again. It never deletes an input.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.fs import localfs
from dvc.output import Output
from dvc.repo import Repo
from tqdm import tqdm

from dvc_project.project import read_lock
from dvc_project.stale_locks import remove_stale_locks
from x_instruction.runner.border import at_the_border
from x_instruction.runner.errors import DamagedError
from x_instruction.runner.published import refuse_damaged

FOLDER = ".dir"  # DVC hashes a folder's list of files and adds this suffix
Listing = dict[str, str]  # relative path of each file in a folder → hash of the file


@dataclass(frozen=True)
class Finding:
    """A damaged file or folder, and whether the pipeline can make it again."""

    path: Path
    sentence: str
    can_be_made: bool


class Hashes:
    """MD5 hashes of files. Hard links to one file are read once, since many outputs are links into DVC's cache."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}

    def of(self, path: Path) -> str:
        found = path.stat()
        key = found.st_dev, found.st_ino
        if key not in self._known:
            with path.open("rb") as file:
                self._known[key] = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return self._known[key]


def verify(root: Path) -> list[Finding]:
    """The damaged files and folders of the project at `root`, sorted by path."""
    hashes = Hashes()
    with Repo(str(root)) as repo:
        objects = Path(repo.cache.local.path)
        found = [*_damaged_objects(objects, hashes), *_damaged_paths(repo, root, objects, hashes)]
    # If DVC has no list of a folder's files, the folder is reported as a whole, unless a file inside it is reported
    # too.
    precise = [finding for finding in found if not any(finding.path in other.path.parents for other in found)]
    return sorted(precise, key=lambda finding: finding.path)


def delete(findings: Iterable[Finding]) -> None:
    """Deletes the damaged files and folders that the pipeline can make again."""
    for finding in findings:
        if finding.can_be_made and finding.path.is_dir():
            shutil.rmtree(finding.path)
        elif finding.can_be_made:
            finding.path.unlink(missing_ok=True)


def _damaged_objects(objects: Path, hashes: Hashes) -> Iterator[Finding]:
    """Damaged objects of DVC's cache. The path of an object is its hash."""
    for path in tqdm(sorted(objects.glob("??/*")), "the cache of DVC", unit=" files", delay=5):
        if hashes.of(path) != (path.parent.name + path.name).removesuffix(FOLDER):
            yield Finding(path, f"{path} is damaged: DVC would restore outputs from this object of its cache", True)


def _damaged_paths(repo: Repo, root: Path, objects: Path, hashes: Hashes) -> Iterator[Finding]:
    """Findings on outputs and inputs that changed unnoticed by DVC, and on outputs that differ from their manifest."""
    lock = read_lock(root)
    made = _recorded(lock, "outs")
    known = {out.def_path: out for stage in repo.index.stages for out in (*stage.outs, *stage.deps)}
    recorded = {**_recorded(lock, "deps"), **made}
    for name, value in tqdm(sorted(recorded.items()), "outputs and inputs", unit=" paths", delay=5):
        path = root / name
        if name not in known or not path.exists() or any(name.startswith(f"{out}/") for out in made):
            continue
        listing = _listing(repo, path, hashes)
        if _hash(listing) == value:
            continue
        if _as_dvc_sees(known[name]) == value:
            yield from _findings(path, listing, _recorded_listing(objects, value), name in made)
        elif name in made and path.is_dir():
            yield from _unlike_its_manifest(path)


def _unlike_its_manifest(folder: Path) -> Iterator[Finding]:
    """A damaged file of an output that DVC calls changed; none if all files are as its manifest lists them."""
    try:
        refuse_damaged(folder)
    except DamagedError as damaged:
        yield Finding(damaged.path, f"{damaged.path} is damaged: its content is not what its manifest lists", True)


def _findings(path: Path, found: Listing, recorded: Listing | None, is_made: bool) -> Iterator[Finding]:
    names = [name for name, value in found.items() if recorded is None or recorded.get(name) != value]
    for name in names if recorded is not None or path.is_file() else [""]:
        place = path / name if name else path
        what = "its content is not what was published" if is_made else "the data were made from other content"
        advice = "" if is_made else "; get it again from its source, or run `touch` on it if you changed it"
        yield Finding(place, f"{place} is damaged: {what}, and `dvc status` does not notice it{advice}", is_made)


def _recorded(lock: Mapping[str, Any], kind: str) -> dict[str, str]:
    entries = (entry for stage in lock.values() for entry in stage.get(kind, ()))
    return {entry["path"]: entry["md5"] for entry in entries if "md5" in entry}


def _listing(repo: Repo, path: Path, hashes: Hashes) -> Listing:
    """The hashes of a folder's files, except files that DVC ignores. A single file is listed with an empty name."""
    if path.is_file():
        return {"": hashes.of(path)}
    files = (Path(file) for file in repo.dvcignore.find(localfs, str(path)))
    return {file.relative_to(path).as_posix(): hashes.of(file) for file in files}


def _hash(listing: Listing) -> str:
    """DVC's hash of a file, or of a folder with these files."""
    if set(listing) == {""}:
        return listing[""]
    entries = [{"md5": value, "relpath": name} for name, value in sorted(listing.items(), key=_parts)]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + FOLDER


def _parts(entry: tuple[str, str]) -> tuple[str, ...]:
    return tuple(entry[0].split("/"))


def _recorded_listing(objects: Path, value: str) -> Listing | None:
    """The list of a folder's files from the cache; None if the list is missing or damaged."""
    path = objects / value[:2] / value[2:]
    if not value.endswith(FOLDER):
        return {"": value}
    try:
        return {entry["relpath"]: entry["md5"] for entry in json.loads(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def _as_dvc_sees(item: Output) -> str | None:
    """The hash that DVC assumes for the present content: the stored one if inode, size and time are unchanged."""
    try:
        value: str | None = item.get_hash().value
    except (DvcException, OSError):
        return None
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dvc_project.doctor", description="Look for damaged files.")
    parser.add_argument("--verify", action="store_true", required=True, help="hash everything that DVC tracks")
    parser.add_argument("--delete", action="store_true", help="delete what is damaged and can be made again")
    options = parser.parse_args(arguments)
    return at_the_border(lambda: _report(Path.cwd(), options.delete))


def _report(root: Path, deletes: bool) -> int:
    remove_stale_locks(root)
    findings = verify(root)
    for finding in findings:
        print(finding.sentence)
    if not findings:
        print("every file that DVC tracks has its recorded content")
        return 0
    if deletes:
        delete(findings)
        print("the damaged files that can be made again were deleted: `make run` makes them", file=sys.stderr)
    else:
        print("to delete the damaged files that can be made again, run with --delete, then `make run`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
