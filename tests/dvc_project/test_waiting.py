"""A `dvc` command waits for other runs, but not without end, and not for a program that is not a run."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zc.lockfile  # type: ignore[import-untyped]

from dvc_project import dvc_command, waiting
from dvc_project.dvc_command import reproduce, run_group
from dvc_project.graph import Graph, read_graph
from dvc_project.irregular_files import refuse_irregular
from dvc_project.project import open_project
from dvc_project.run import changed_stages
from dvc_project.waiting import blockers, left_over
from dvc_project.workspace import read_workspace
from x_instruction.runner import patience
from x_instruction.runner.errors import InputError


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    """A program that has the number of a run that was killed."""
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True)
    yield running
    running.kill()
    running.wait()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait takes longer than a second."""
    monkeypatch.setattr(dvc_command, "FIRST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(waiting, "MESSAGE_EVERY", 0.2)
    monkeypatch.setattr(patience.Patience.__init__, "__defaults__", (1.0, patience._print))


def busy(project: Path, process: int, command: str = "dvc repro", mode: str = "write") -> Path:
    """Lists a process as one that uses an output of the project."""
    path = project / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True, exist_ok=True)
    info = {"pid": process, "cmd": command}
    held = {str(project / "data" / "filtered_text" / "ur"): info if mode == "write" else [info]}
    path.write_text(json.dumps({"write": {}, "read": {}, mode: held}))
    return path


@pytest.mark.parametrize("mode", ["write", "read"])
def test_a_lock_whose_process_is_no_run_is_one_sentence(fresh: Path, program: subprocess.Popen[str], mode: str) -> None:
    busy(fresh, program.pid, mode=mode)
    said: list[str] = []
    status, lines = reproduce(fresh, "raw_web_text@ur" if mode == "none" else "filtered_text@ur", said.append)
    assert status != 0
    assert lines[-1] == said[-1]
    assert f"left over from a run that was killed: its process {program.pid} now is `" in said[-1]
    assert said[-1].endswith("delete .dvc/tmp/rwlock while nothing runs, then run again")


def test_a_run_that_holds_a_path_is_given_up_after_a_time(fresh: Path, soon: None) -> None:
    holder = subprocess.Popen([sys.executable, "-c", "input()", "dvc"], stdin=subprocess.PIPE, text=True)
    busy(fresh, holder.pid)
    said: list[str] = []
    status, _ = reproduce(fresh, "filtered_text@ur", said.append)
    holder.kill()
    holder.wait()
    assert status != 0
    assert any(line.startswith(f"filtered_text@ur waits for process {holder.pid} (") for line in said)
    assert "and gave up: wait for it or stop it, then run again" in said[-1]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [("python -m dvc repro", False), ("/opt/dvc exp run", False), ("sleep 300", True), ("", True), (None, False)],
)  # fmt: skip
def test_only_a_program_that_is_seen_to_be_no_run_is_left_over(
    monkeypatch: pytest.MonkeyPatch, command: str | None, sentence: bool
) -> None:
    monkeypatch.setattr(waiting, "command_of", lambda process: command)
    assert bool(left_over({os.getpid(): "dvc repro"})) == sentence


def test_a_run_that_ended_after_dvc_named_it_is_not_left_over() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert left_over({ended.pid: "dvc repro"}) is None


def test_the_holders_are_read_from_what_dvc_prints() -> None:
    lines = [
        "ERROR: '/p/data' is busy, it is being blocked by:",
        "  (PID 12): dvc repro a",
        "  (PID 345): dvc push",
        "",
    ]
    assert blockers(lines) == {12: "dvc repro a", 345: "dvc push"}


def test_a_project_that_another_command_holds_is_given_up_with_its_name(fresh: Path, soon: None) -> None:
    (fresh / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
    held = zc.lockfile.LockFile(str(fresh / ".dvc" / "tmp" / "lock"))
    expected = rf"reading the graph waited . s for process {os.getpid()} \(.* and gave up: wait for it or stop it"
    with pytest.raises(InputError, match=expected), open_project(fresh):
        pass
    held.close()


def test_a_command_that_waits_for_the_project_is_ended_with_a_sentence(fresh: Path, soon: None) -> None:
    (fresh / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
    held = zc.lockfile.LockFile(str(fresh / ".dvc" / "tmp" / "lock"))
    said: list[str] = []
    status, lines = reproduce(fresh, "raw_web_text@ur", said.append)
    held.close()
    assert status != 0
    assert lines[-1].startswith("error: dvc waited ")
    assert f"for process {os.getpid()} (" in lines[-1]


def test_output_that_a_left_process_keeps_open_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dvc_command, "GRACE_SECONDS", 0.3)
    leaves = "import subprocess, sys; print(subprocess.Popen(['sleep', '60'], start_new_session=True).pid)"
    said: list[str] = []
    status, lines = run_group([sys.executable, "-c", leaves], tmp_path, said.append)
    os.kill(int(lines[0]), 9)
    assert status == 0
    assert said[-1] == "a process that the command left behind still holds its output and is not waited for"


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
@pytest.mark.parametrize("look", [changed_stages, read_workspace])
def test_what_dvc_would_read_without_end_is_refused(fresh: Path, kind: str, look: Callable[[Graph], object]) -> None:
    path = fresh / "data" / "sample" / "web" / "fi" / "x"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(path.parent):
            listener.bind(path.name)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"data/sample/web/fi/x is a pipe, socket or device in data/sample/web"):
        look(read_graph(fresh))


def test_links_and_empty_folders_are_no_such_files(fresh: Path) -> None:
    folder = fresh / "data" / "sample" / "web" / "fi"
    (folder / "empty").mkdir()
    (folder / "gone").symlink_to("nowhere")
    (folder / "up").symlink_to("..")
    refuse_irregular(read_graph(fresh))
