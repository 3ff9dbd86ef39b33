"""Files appear whole or not at all, and hashes depend on names and content alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from x_instruction.runner.files import digest, hash_paths, read_json, replace_folder, write_atomically, write_json


def test_parts_do_not_run_together() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", "")}) == 4


def test_text_and_its_bytes_are_the_same() -> None:
    assert digest("ä") == digest("ä".encode())


def test_a_lone_surrogate_has_a_digest() -> None:
    assert digest("\ud800") != digest("\ud801")


def tree(root: Path, **files: str) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return root


def test_equal_folders_have_equal_hashes_wherever_they_lie(tmp_path: Path) -> None:
    first, second = (tree(tmp_path / side / "data", a="1", b="2") for side in ("x", "y"))
    os.utime(second / "a", (1, 1))
    assert hash_paths([first]) == hash_paths([second])


@pytest.mark.parametrize("other", [{"a": "1", "b": "3"}, {"a": "1", "c": "2"}, {"a": "1"}, {"a": "1", "s/b": "2"}])
def test_another_content_or_name_is_another_hash(tmp_path: Path, other: dict[str, str]) -> None:
    first, second = tree(tmp_path / "x" / "data", a="1", b="2"), tree(tmp_path / "y" / "data", **other)
    assert hash_paths([first]) != hash_paths([second])


def test_the_order_of_paths_does_not_matter(tmp_path: Path) -> None:
    folder = tree(tmp_path, a="1", b="2")
    assert hash_paths([folder / "a", folder / "b"]) == hash_paths([folder / "b", folder / "a"])


def test_files_of_one_name_in_two_folders_have_different_hashes(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "1", **{"x/f": "1", "y/f": "2"}), tree(tmp_path / "2", **{"x/f": "2", "y/f": "1"})
    assert hash_paths([one / "x/f", one / "y/f"]) != hash_paths([other / "x/f", other / "y/f"])


def test_writing_makes_folders_and_leaves_no_other_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b", b"1")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"1")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_the_old_file_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"1")
    os.link(tmp_path / "a", tmp_path / "kept")
    write_atomically(tmp_path / "a", b"2")
    assert ((tmp_path / "kept").read_bytes(), (tmp_path / "a").read_bytes()) == (b"1", b"2")


def test_equal_values_are_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"b": 1, "a": "ä"})
    write_json(tmp_path / "b", {"a": "ä", "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "ä" in (tmp_path / "a").read_text(encoding="utf-8")
    assert read_json(tmp_path / "a") == {"a": "ä", "b": 1}


def test_a_folder_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    staged, target = tree(tmp_path / "staged", new="1"), tree(tmp_path / "deep" / "target", old="1")
    replace_folder(staged, target)
    assert [path.name for path in target.iterdir()] == ["new"]
    assert not staged.exists()


def test_a_folder_is_put_where_none_was(tmp_path: Path) -> None:
    replace_folder(tree(tmp_path / "staged", new="1"), tmp_path / "deep" / "target")
    assert (tmp_path / "deep" / "target" / "new").exists()
