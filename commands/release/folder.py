"""Copies the released set to a folder, whole or not at all."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

from commands.release.csv_files import write_csv
from commands.release.finished_set import files_of
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import replace_folder

# A folder is an earlier release and may be replaced if it has both of these files and no files except those of OURS. A
# folder with other files, such as a clone of the hub's repository with its .git, may be a user's work.
ALWAYS = ("README.md", "croissant.json")
OURS = (*ALWAYS, "*/train-*.parquet", "csv/*.csv")


def copy_to(source: Path, target: Path, csv: bool) -> list[str]:
    """Copies the set to `target` and, if wanted, adds csv/<language>.csv. Returns the names of the files.

    Raises InputError if `target` is in the set, has files that are not from an earlier release, or cannot be written.
    """
    target = target.expanduser().resolve()
    if target.is_relative_to(source.resolve()):
        raise InputError(f"{target} is the released set itself: give another folder")
    _refuse_others_files(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as name:
            staged = Path(name, "release")
            for path, file in files_of(source).items():
                (staged / path).parent.mkdir(parents=True, exist_ok=True)
                # The file is copied and not linked, because an edit of the release must not change DVC's cache.
                shutil.copyfile(file, staged / path)
            if csv:
                _add_csv(source, staged)
            found = list(files_of(staged))
            replace_folder(staged, target)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}; choose another folder") from None
    return found


def _refuse_others_files(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target} is a file: give the folder to write to")
    found = files_of(target)
    other = [name for name in found if not any(fnmatch(name, kind) for kind in OURS)]
    if other or (found and not found.keys() >= set(ALWAYS)):
        raise InputError(
            f"{target} has files that are not from an earlier release, such as {[*other, *found][0]}: give a new or an "
            "empty folder"
        )


def _add_csv(source: Path, staged: Path) -> None:
    for language in sorted(path for path in source.iterdir() if path.is_dir()):
        write_csv(sorted(language.glob("*.parquet")), staged / "csv" / f"{language.name}.csv")
