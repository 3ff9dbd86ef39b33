"""A piece in the store that languages share is made once, completely or not at all, and kept while it is needed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from x_instruction.runner.shared_store import SharedStore, _progress

LANGUAGES = ["fi", "sw", "ur"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shared"


def store(folder: Path, name: str, names: list[str] = LANGUAGES) -> SharedStore:
    """Opens the store as a new run of a language does."""
    return SharedStore(folder, name, names)


def maker(made: list[str], name: str) -> Callable[[Path], None]:
    def make(piece: Path) -> None:
        made.append(name)
        (piece / "rows").write_text(name)

    return make


def ran(folder: Path, name: str, *keys: str, names: list[str] = LANGUAGES, published: bool = True) -> list[str]:
    """Fills the store as a run of a language does. Returns the pieces that had to be made."""
    made: list[str] = []
    one = store(folder, name, names)
    one.fill({key: maker(made, key) for key in keys})
    assert all((one.piece(key) / "rows").read_text() == key for key in keys)
    if published:
        one.settle()
    return made


def pieces_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()} - {"wanted"}


def test_other_languages_find_the_pieces_that_one_language_made(folder: Path) -> None:
    assert ran(folder, "fi", "a", "b") == ["a", "b"]
    assert ran(folder, "sw", "b", "c", "a") == ["c"]


def test_an_unfinished_piece_is_continued(folder: Path) -> None:
    def broken(piece: Path) -> None:
        (piece / "first").touch()
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        store(folder, "fi").fill({"a": broken})
    assert ran(folder, "sw", "a") == ["a"]
    assert (folder / "a" / "first").exists()


def test_parallel_languages_share_the_pieces_and_make_none_twice(folder: Path) -> None:
    begun, let_go, made = Event(), Event(), list[str]()

    def slow(piece: Path) -> None:
        begun.set()
        assert let_go.wait(20)
        maker(made, "a")(piece)

    def other() -> None:
        assert begun.wait(20)
        pieces = {"a": maker(made, "a again"), "b": maker(made, "b")}
        store(folder, "sw").fill(pieces)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store(folder, "fi").fill, {"a": slow, "b": maker(made, "b again")})
        second = pool.submit(other)
        while made != ["b"]:  # the second run makes the piece that the first run is not making
            assert not second.done()
            time.sleep(0.01)
        let_go.set()  # the second run now waits for the first run
        first.result(20)
        second.result(20)
    assert made == ["b", "a"]


def test_a_piece_that_is_one_growing_file_makes_progress(folder: Path) -> None:
    folder.mkdir()
    (folder / "rows").write_text("one")
    before = _progress(folder)
    assert _progress(folder) == before
    (folder / "rows").write_text("one, two")
    assert _progress(folder) != before


def test_pieces_that_no_language_needs_are_deleted(folder: Path) -> None:
    ran(folder, "fi", "old")
    ran(folder, "fi", "new")
    assert pieces_in(folder) == {"new"}
    assert not (folder / "old.lock").exists()


def test_pieces_of_another_language_are_kept_until_that_language_is_made_again(folder: Path) -> None:
    for name in ("fi", "sw"):
        ran(folder, name, "old")
    ran(folder, "fi", "new")
    assert pieces_in(folder) == {"old", "new"}
    assert ran(folder, "sw", "new") == []
    assert pieces_in(folder) == {"new"}


def test_pieces_of_unpublished_and_published_runs_are_both_kept(folder: Path) -> None:
    ran(folder, "sw", "old")
    ran(folder, "sw", "new", published=False)
    ran(folder, "fi", "other")
    assert pieces_in(folder) == {"old", "new", "other"}


def test_a_language_that_is_not_in_the_settings_needs_no_pieces(folder: Path) -> None:
    ran(folder, "sw", "old")
    ran(folder, "fi", "new", names=["fi"])
    assert pieces_in(folder) == {"new"}


def test_a_run_without_shared_pieces_releases_its_earlier_pieces(folder: Path) -> None:
    ran(folder, "fi", "old")
    store(folder, "fi").settle()
    assert pieces_in(folder) == set()


def test_settling_does_not_create_a_store(folder: Path) -> None:
    store(folder, "fi").settle()
    assert not folder.exists()


def test_a_half_deleted_piece_does_not_count_as_complete(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(folder, "fi", "old")

    def killed(path: Path) -> None:
        (path / "rows").unlink()
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(RuntimeError):
            ran(folder, "fi", "new")
    assert ran(folder, "sw", "old") == ["old"]
    assert pieces_in(folder) == {"old", "new"}


def test_an_interrupted_deletion_is_repeated(folder: Path) -> None:
    ran(folder, "fi", "old")
    (folder / ".deleted-old").mkdir()
    (folder / ".deleted-old" / "rows").touch()
    ran(folder, "fi", "new")
    assert pieces_in(folder) == {"new"}


def test_an_interrupted_deletion_leaves_no_lock(folder: Path) -> None:
    ran(folder, "fi", "old")
    (folder / "old").rename(folder / ".deleted-old")  # the run was killed before it deleted the lock
    ran(folder, "fi", "new")
    assert not (folder / "old.lock").exists()


def test_the_lock_of_a_piece_that_is_wanted_again_is_kept(folder: Path) -> None:
    ran(folder, "fi", "old")
    (folder / "old").rename(folder / ".deleted-old")
    ran(folder, "fi", "old")
    assert pieces_in(folder) == {"old"} and (folder / "old.lock").exists()
