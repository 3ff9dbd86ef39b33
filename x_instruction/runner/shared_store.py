"""Stores results that several languages of an artifact need, so that each result is made only once.

For an artifact with iterations but without languages, its iterations take the place of languages.

data/.work/<artifact>/shared/<key>/           one piece, with a key made from its inputs; `sealed.json` is written last
data/.work/<artifact>/shared/wanted/<name>    the keys of the pieces that a language needs

Languages run side by side, each in its own process. A process makes a piece under a lock; when the process ends, for
whatever reason, the operating system releases the lock. After publishing, a run deletes the pieces that no language in
the settings needs any more. So that no needed piece is deleted, a run adds its keys to the list of its language before
it looks for a piece. Only a run that publishes removes earlier keys from the list.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from x_instruction.runner.files import write_atomically
from x_instruction.runner.patience import Patience, acquire, note_of, patiently_acquire
from x_instruction.runner.work_store import finished, remove_temporary, seal

# Prefix of folders that are being deleted; no key and no language code has it.
DELETED = ".deleted-"


class SharedStore:
    """The store for the run of the language (or iteration) `name`. `names` are all languages (or iterations)."""

    def __init__(self, folder: Path, name: str, names: Collection[str]) -> None:
        self._folder, self._name, self._names = folder, name, names
        self._needed, self._checked = set[str](), set[str]()

    def fill(self, pieces: Mapping[str, Callable[[Path], None]]) -> None:
        """Makes the pieces that are missing. `pieces` maps a key to a function that fills the folder that it is given.

        A function may find files of an interrupted run in its folder. It must write each file under a name that begins
        with a dot, then rename it. Pieces that another process is making come last, so that languages that run side by
        side share the work.
        """
        with self._alone():
            self._needed |= set(pieces)
            self._write_wanted(self._wanted(self._name) | self._needed)
        for wait in (False, True):
            for key, make in pieces.items():
                self._make(key, make, wait)

    def piece(self, key: str) -> Path:
        """Folder of a piece that `fill` has made or found."""
        return self._folder / key

    def settle(self) -> None:
        """Deletes pieces that no language needs.

        This must be called after publishing: from then on, this language needs only the pieces that its run used.
        """
        if not self._folder.exists():
            return
        with self._alone():
            self._write_wanted(self._needed)
            wanted = set[str]().union(*map(self._wanted, self._names))
            # In this order, folders whose deletion was interrupted come first, because their names begin with a dot. So
            # these names are free when other folders are renamed.
            for path in sorted(self._folder.iterdir()):
                if path.is_dir() and path.name not in {*wanted, "wanted"}:
                    self._delete(path, wanted)

    def _make(self, key: str, make: Callable[[Path], None], wait: bool) -> None:
        folder = self.piece(key)
        if key in self._checked:
            return
        lock = FileLock(self._lock(key))
        try:
            held = patiently_acquire(lock, _patience(key), lambda: _progress(folder)) if wait else acquire(lock)
        except Timeout:
            return
        with held:
            if finished(folder) is None:
                folder.mkdir(exist_ok=True)
                remove_temporary(folder)
                make(folder)
                seal(folder)
            self._checked.add(key)

    def _delete(self, folder: Path, wanted: Collection[str]) -> None:
        """Renames the folder first, because a half-deleted folder must not pass for a whole piece.

        The lock is deleted before the folder, so that the next run deletes both if this run is killed. The lock of a
        piece that is wanted again is kept, because another process may have it.
        """
        key = folder.name.removeprefix(DELETED)
        gone = folder if folder.name.startswith(DELETED) else folder.rename(self._folder / f"{DELETED}{key}")
        if key not in wanted:
            for path in (self._lock(key), note_of(self._lock(key))):
                path.unlink(missing_ok=True)
        shutil.rmtree(gone)

    def _alone(self) -> AbstractContextManager[object]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return patiently_acquire(FileLock(self._folder / "wanted.lock"), _patience("wanted"))  # type: ignore[no-any-return]

    def _lock(self, key: str) -> Path:
        return self._folder / f"{key}.lock"

    def _wanted(self, name: str) -> set[str]:
        path = self._folder / "wanted" / name
        # A damaged key in the file fits no piece, so the piece with the undamaged key is deleted and made again.
        return set(path.read_text(errors="replace").split()) if path.exists() else set()

    def _write_wanted(self, keys: Collection[str]) -> None:
        write_atomically(self._folder / "wanted" / self._name, "\n".join(sorted(keys)).encode())


def _patience(key: str) -> Patience:
    return Patience(f"shared work {key}", "wait for that run or stop it, then run again")


def _progress(folder: Path) -> list[tuple[str, int]]:
    """Names and sizes of the files of a piece. While they change, the process that makes it is working."""
    return sorted((path.name, _size(path)) for path in folder.glob("*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # the file was renamed after it was listed
        return 0
