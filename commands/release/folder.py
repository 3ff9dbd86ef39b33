"""Copies a release to a folder, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from commands.release.csv_files import write_csv
from commands.release.released import MANIFEST, Release, files_of, matches
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import replace_folder

CSV = "csv/*.csv"


def copy_to(release: Release, target: Path, csv: bool = False) -> list[str]:
    """Copies the release to `target`, with csv/<language>.csv if `csv` is true. Returns the names of the files.

    Raises InputError if `target` is in the artifact, is a file, has files that are not from an earlier release, or
    cannot be written.
    """
    target = target.expanduser().resolve()
    artifact = _artifact_of(release.folder.resolve())
    if target.is_relative_to(artifact):
        raise InputError(f"{target} is in {artifact}, which is released: give another folder")
    _refuse_others_files(release, target)
    staged = target.with_name(f".{target.name}.unfinished-release")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staged, ignore_errors=True)  # of a release that was killed
        for path, source in release.files.items():
            _put(source, staged / path)
        if csv:
            _add_csv(release.folder, staged)
        found = list(files_of(staged))
        replace_folder(staged, target)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}; choose another folder") from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return found


def _artifact_of(folder: Path) -> Path:
    """The published folder with the manifest: the given folder, or one above it."""
    return next((path for path in (folder, *folder.parents) if (path / MANIFEST).exists()), folder)


def _put(source: Path | bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, bytes):
        target.write_bytes(source)
    else:
        # The file is copied and not linked, because an edit of the release must not change DVC's cache.
        shutil.copyfile(source, target)


def _refuse_others_files(release: Release, target: Path) -> None:
    """Raises InputError if `target` is a file, or a folder with files that are not from an earlier release.

    Such files may be a user's work: for example, a repository's .git.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target} is a file: give the folder to write to")
    found = set[str]()
    for path in target.rglob("*"):
        name = str(path.relative_to(target))
        if path.is_file():
            found.add(name)
            if not (name in release.files or release.is_replaced(name) or matches(name, CSV)):
                raise _others_files(target, name)  # at the first such file, since the folder may be a whole disk
    if found and not found >= set(release.always):
        raise _others_files(target, min(found))


def _others_files(target: Path, name: str) -> InputError:
    return InputError(
        f"{target} has files that are not from an earlier release, such as {name}: give a new or an empty folder"
    )


def _add_csv(source: Path, staged: Path) -> None:
    for language in sorted(path for path in source.iterdir() if path.is_dir()):
        write_csv(sorted(language.glob("*.parquet")), staged / "csv" / f"{language.name}.csv")
