"""Files are written completely or not at all, and hashes depend only on names and content."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest

from x_instruction.runner.errors import InputError, UnreadableError
from x_instruction.runner.files import digest, hash_paths, read_json, replace_folder, write_atomically, write_json


def test_the_border_between_parts_changes_the_digest() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", "")}) == 4


def test_a_text_and_its_bytes_have_the_same_digest() -> None:
    assert digest("ä") == digest("ä".encode())


def test_a_lone_surrogate_has_a_digest() -> None:
    assert digest("\ud800") != digest("\ud801")


def tree(root: Path, **files: str) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return root


def test_equal_folders_have_equal_hashes_wherever_they_are(tmp_path: Path) -> None:
    first, second = (tree(tmp_path / side / "data", a="1", b="2") for side in ("x", "y"))
    os.utime(second / "a", (1, 1))
    assert hash_paths([first]) == hash_paths([second])


@pytest.mark.parametrize("other", [{"a": "1", "b": "3"}, {"a": "1", "c": "2"}, {"a": "1"}, {"a": "1", "s/b": "2"}])
def test_a_different_content_or_name_changes_the_hash(tmp_path: Path, other: dict[str, str]) -> None:
    first, second = tree(tmp_path / "x" / "data", a="1", b="2"), tree(tmp_path / "y" / "data", **other)
    assert hash_paths([first]) != hash_paths([second])


def test_the_order_of_paths_does_not_matter(tmp_path: Path) -> None:
    folder = tree(tmp_path, a="1", b="2")
    assert hash_paths([folder / "a", folder / "b"]) == hash_paths([folder / "b", folder / "a"])


def test_files_of_one_name_in_two_folders_have_different_hashes(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "1", **{"x/f": "1", "y/f": "2"}), tree(tmp_path / "2", **{"x/f": "2", "y/f": "1"})
    assert hash_paths([one / "x/f", one / "y/f"]) != hash_paths([other / "x/f", other / "y/f"])


def test_writing_makes_missing_folders_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b", b"1")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_other_users_may_read_written_files(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"1")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_an_old_file_is_replaced_and_not_overwritten_in_place(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"1")
    os.link(tmp_path / "a", tmp_path / "kept")
    write_atomically(tmp_path / "a", b"2")
    assert ((tmp_path / "kept").read_bytes(), (tmp_path / "a").read_bytes()) == (b"1", b"2")


def test_equal_values_are_written_as_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"b": 1, "a": "ä"})
    write_json(tmp_path / "b", {"a": "ä", "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "ä" in (tmp_path / "a").read_text(encoding="utf-8")
    assert read_json(tmp_path / "a") == {"a": "ä", "b": 1}


def test_a_folder_replaces_an_older_folder(tmp_path: Path) -> None:
    staged, target = tree(tmp_path / "staged", new="1"), tree(tmp_path / "deep" / "target", old="1")
    replace_folder(staged, target)
    assert [path.name for path in target.iterdir()] == ["new"]
    assert not staged.exists()


def test_a_folder_is_moved_to_a_path_that_does_not_exist(tmp_path: Path) -> None:
    replace_folder(tree(tmp_path / "staged", new="1"), tmp_path / "deep" / "target")
    assert (tmp_path / "deep" / "target" / "new").exists()


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff", b"[" * 200_000])
def test_a_file_that_is_not_json_is_reported_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UnreadableError, match=r"^/\S*/a is not JSON that can be read \(.+\): make it or get it again"):
        read_json(tmp_path / "a")


def test_a_key_that_a_file_of_another_version_lacks_is_reported_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "evaluator.json"
    path.write_text(json.dumps({"models": {"base": {"loss": 1.0}}}))
    values = read_json(path, ours=True)
    for read in (values, values["models"]["base"], pickle.loads(pickle.dumps(values))):
        with pytest.raises(InputError, match=r"evaluator\.json was made by another version of X-Instruction: run the"):
            read["precision"]
        assert read.get("precision") is None


def test_values_of_this_project_are_ordinary_values(tmp_path: Path) -> None:
    value = {"files": ["a"], "counts": {"rows": 1}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json", ours=True) == value
    assert json.dumps(read_json(tmp_path / "a.json", ours=True)) == json.dumps(dict(sorted(value.items())))
