"""Entries of killed `dvc` commands in DVC's list of locks do not block the next run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dvc_project.stale_locks import remove_stale_locks


@pytest.fixture
def rwlock(tmp_path: Path) -> Path:
    path = tmp_path / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True)
    return path


def ended_process() -> int:
    """The process id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_entries_of_living_processes_are_kept(rwlock: Path, tmp_path: Path) -> None:
    alive, gone = {"pid": os.getpid(), "cmd": "dvc repro"}, {"pid": ended_process(), "cmd": "dvc repro"}
    rwlock.write_text(json.dumps({"write": {"a": gone, "b": alive}, "read": {"c": [gone, alive], "d": [gone]}}))
    remove_stale_locks(tmp_path)
    assert json.loads(rwlock.read_text()) == {"write": {"b": alive}, "read": {"c": [alive]}}


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"read": {"a": [{}]}}', "[" * 200_000])
def test_an_unreadable_list_is_removed(
    rwlock: Path, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rwlock.write_text(text)
    remove_stale_locks(tmp_path)
    assert not rwlock.exists()
    assert "rwlock is not valid JSON" in capsys.readouterr().err


def test_a_project_without_locks_is_not_changed(tmp_path: Path) -> None:
    remove_stale_locks(tmp_path)
    assert not list(tmp_path.iterdir())
