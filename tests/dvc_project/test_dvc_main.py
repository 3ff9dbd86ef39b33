"""The `dvc` commands of a run replace `dvc.lock` atomically, so that a kill cannot lose the record of the stages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TextIO

import pytest

from dvc_project.dvc_command import reproduce
from dvc_project.dvc_main import RUN, write_whole
from dvc_project.graph import read_graph
from x_instruction.runner import process
from x_instruction.runner.errors import InputError


def test_a_write_that_ends_early_leaves_the_old_file(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    lock.write_text("old")

    def half(data: Any, stream: TextIO) -> None:
        stream.write(data[:2])
        stream.flush()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(lock, "a new text", half)
    assert lock.read_text() == "old"
    write_whole(lock, "a new text", lambda data, stream: stream.write(data))
    assert (lock.read_text(), list(tmp_path.iterdir())) == ("a new text", [lock])


def test_the_rights_of_the_lock_file_stay(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    lock.write_text("old")
    lock.chmod(0o664)
    write_whole(lock, "new", lambda data, stream: stream.write(data))
    assert lock.stat().st_mode & 0o777 == 0o664


def test_a_link_to_the_lock_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").symlink_to("elsewhere")
    write_whole(tmp_path / "dvc.lock", "text", lambda data, stream: stream.write(data))
    assert (tmp_path / "dvc.lock").is_symlink() and (tmp_path / "elsewhere").read_text() == "text"


def test_a_run_of_a_stage_replaces_the_lock_file_instead_of_emptying_it(fresh: Path) -> None:
    reproduce(fresh, "raw_web_text@fi", print)
    lock = fresh / "dvc.lock"
    before = lock.read_text()
    os.link(lock, fresh / "same_file")
    status, _ = reproduce(fresh, "raw_web_text@ur", print)
    assert status == 0 and "raw_web_text@ur" in lock.read_text()
    assert (fresh / "same_file").read_text() == before


@pytest.mark.parametrize("text", ["", "schema: '2.0'\nstages:\n  raw_web", "null"])
def test_a_damaged_lock_file_is_one_sentence_with_a_remedy(made: Path, text: str) -> None:
    (made / "dvc.lock").write_text(text)
    with pytest.raises(InputError, match=r"git checkout dvc\.lock"):
        read_graph(made)


def test_the_stages_read_the_variable_that_names_the_run() -> None:
    assert RUN == process.RUN
