"""The shared store: a piece is made once, whole or not at all, and stays as long as a language needs it."""

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
    """The store as a new run of a language sees it."""
    return SharedStore(folder, name, names)


def maker(made: list[str], name: str) -> Callable[[Path], None]:
    def make(piece: Path) -> None:
        made.append(name)
        (piece / "rows").write_text(name)

    return make


def ran(folder: Path, name: str, *keys: str, names: list[str] = LANGUAGES, published: bool = True) -> list[str]:
    """The pieces that a run of a language had to make."""
    made: list[str] = []
    one = store(folder, name, names)
    one.fill({key: maker(made, key) for key in keys})
    assert all((one.piece(key) / "rows").read_text() == key for key in keys)
    if published:
        one.settle()
    return made


def there(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()} - {"wanted"}


def test_what_one_language_made_the_others_find(folder: Path) -> None:
    assert ran(folder, "fi", "a", "b") == ["a", "b"]
    assert ran(folder, "sw", "b", "c", "a") == ["c"]


def test_a_piece_that_was_not_finished_is_made_from_what_is_there(folder: Path) -> None:
    def broken(piece: Path) -> None:
        (piece / "first").touch()
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        store(folder, "fi").fill({"a": broken})
    assert ran(folder, "sw", "a") == ["a"]
    assert (folder / "a" / "first").exists()


def test_languages_side_by_side_share_the_pieces_and_make_none_twice(folder: Path) -> None:
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
        while made != ["b"]:  # the second makes the pieces that the first is not making …
            assert not second.done()
            time.sleep(0.01)
        let_go.set()  # … and then waits for it
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


def test_what_no_language_needs_any_more_is_deleted(folder: Path) -> None:
    ran(folder, "fi", "old")
    ran(folder, "fi", "new")
    assert there(folder) == {"new"}
    assert not (folder / "old.lock").exists()


def test_what_another_language_was_made_from_stays_until_that_language_is_made_again(folder: Path) -> None:
    for name in ("fi", "sw"):
        ran(folder, name, "old")
    ran(folder, "fi", "new")
    assert there(folder) == {"old", "new"}
    assert ran(folder, "sw", "new") == []
    assert there(folder) == {"new"}


def test_what_an_unpublished_run_made_stays_beside_what_was_published(folder: Path) -> None:
    ran(folder, "sw", "old")
    ran(folder, "sw", "new", published=False)
    ran(folder, "fi", "other")
    assert there(folder) == {"old", "new", "other"}


def test_a_language_out_of_the_settings_needs_nothing(folder: Path) -> None:
    ran(folder, "sw", "old")
    ran(folder, "fi", "new", names=["fi"])
    assert there(folder) == {"new"}


def test_a_run_without_shared_pieces_lets_go_of_those_before(folder: Path) -> None:
    ran(folder, "fi", "old")
    store(folder, "fi").settle()
    assert there(folder) == set()


def test_settling_makes_no_store_where_none_is(folder: Path) -> None:
    store(folder, "fi").settle()
    assert not folder.exists()


def test_a_piece_half_deleted_is_not_taken_for_a_whole_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(folder, "fi", "old")

    def killed(path: Path) -> None:
        (path / "rows").unlink()
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(RuntimeError):
            ran(folder, "fi", "new")
    assert ran(folder, "sw", "old") == ["old"]
    assert there(folder) == {"old", "new"}


def test_a_piece_is_deleted_again_though_the_first_time_broke_off(folder: Path) -> None:
    ran(folder, "fi", "old")
    (folder / ".deleted-old").mkdir()
    (folder / ".deleted-old" / "rows").touch()
    ran(folder, "fi", "new")
    assert there(folder) == {"new"}
