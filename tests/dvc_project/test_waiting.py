"""A `dvc` command waits for other runs of the project, but not forever, and not for other programs."""

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
    """A program that is not a run of the project; the tests pretend that it has the process id of a killed run."""
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True)
    yield running
    running.kill()
    running.wait()


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends a wait once the other process has done nothing for one second."""
    monkeypatch.setattr(dvc_command, "FIRST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(waiting, "MESSAGE_EVERY", 0.2)
    monkeypatch.setattr(patience.Patience.__init__, "__defaults__", (1.0, patience._print))


def busy(project: Path, process: int, command: str = "dvc repro", mode: str = "write") -> Path:
    """Lists a process in DVC's file of locks as reader or writer of an output."""
    path = project / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True, exist_ok=True)
    info = {"pid": process, "cmd": command}
    held = {str(project / "data" / "filtered_text" / "ur"): info if mode == "write" else [info]}
    path.write_text(json.dumps({"write": {}, "read": {}, mode: held}))
    return path


@pytest.mark.parametrize("mode", ["write", "read"])
def test_a_lock_held_by_another_program_is_reported_in_one_sentence(
    fresh: Path, program: subprocess.Popen[str], mode: str
) -> None:
    busy(fresh, program.pid, mode=mode)
    printed: list[str] = []
    status, lines = reproduce(fresh, "filtered_text@ur", printed.append)
    assert status != 0
    assert lines[-1] == printed[-1]
    assert f"left over from a run that was killed: its process {program.pid} now is `" in printed[-1]
    assert printed[-1].endswith("delete .dvc/tmp/rwlock while nothing runs, then run again")


def test_waiting_for_a_run_that_holds_a_path_ends_after_a_time(fresh: Path, short_waits: None) -> None:
    holder = subprocess.Popen([sys.executable, "-c", "input()", "dvc"], stdin=subprocess.PIPE, text=True)
    busy(fresh, holder.pid)
    printed: list[str] = []
    status, _ = reproduce(fresh, "filtered_text@ur", printed.append)
    holder.kill()
    holder.wait()
    assert status != 0
    assert any(line.startswith(f"filtered_text@ur waits for process {holder.pid} (") for line in printed)
    assert "and gave up: wait for it or stop it, then run again" in printed[-1]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [("python -m dvc repro", False), ("/opt/dvc exp run", False), ("sleep 300", True), ("", True), (None, False)],
)  # fmt: skip
def test_a_lock_is_left_over_only_if_its_process_is_known_not_to_be_a_run(
    monkeypatch: pytest.MonkeyPatch, command: str | None, sentence: bool
) -> None:
    monkeypatch.setattr(waiting, "command_of", lambda process: command)
    assert bool(left_over({os.getpid(): "dvc repro"})) == sentence


def test_a_lock_is_not_left_over_if_its_run_has_just_ended() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert left_over({ended.pid: "dvc repro"}) is None


def test_the_blocking_processes_are_read_from_the_output_of_dvc() -> None:
    lines = [
        "ERROR: '/p/data' is busy, it is being blocked by:",
        "  (PID 12): dvc repro a",
        "  (PID 345): dvc push",
        "",
    ]
    assert blockers(lines) == {12: "dvc repro a", 345: "dvc push"}


def test_waiting_for_a_project_ends_and_names_the_command_that_holds_it(fresh: Path, short_waits: None) -> None:
    (fresh / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
    held = zc.lockfile.LockFile(str(fresh / ".dvc" / "tmp" / "lock"))
    expected = rf"reading the graph waited . s for process {os.getpid()} \(.* and gave up: wait for it or stop it"
    with pytest.raises(InputError, match=expected), open_project(fresh):
        pass
    held.close()


@pytest.mark.parametrize("lists_locks", [True, False])
def test_a_stage_that_waits_too_long_for_the_project_ends_with_one_sentence(
    fresh: Path, short_waits: None, monkeypatch: pytest.MonkeyPatch, lists_locks: bool
) -> None:
    if not lists_locks:
        monkeypatch.setattr(patience, "LOCKS", fresh / "none")
    (fresh / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
    held = zc.lockfile.LockFile(str(fresh / ".dvc" / "tmp" / "lock"))
    printed: list[str] = []
    status, lines = reproduce(fresh, "raw_web_text@ur", printed.append)
    held.close()
    assert status != 0
    assert lines[-1].startswith("error: dvc waited ")
    assert f"for process {os.getpid()} (" in lines[-1]


def test_a_left_process_that_keeps_the_output_open_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dvc_command, "GRACE_SECONDS", 0.3)
    leaves = "import subprocess, sys; print(subprocess.Popen(['sleep', '60'], start_new_session=True).pid)"
    printed: list[str] = []
    status, lines = run_group([sys.executable, "-c", leaves], tmp_path, printed.append)
    os.kill(int(lines[0]), 9)
    assert status == 0
    assert printed[-1] == "a process that the command left behind keeps its output open; the run goes on without it"


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
@pytest.mark.parametrize("look", [changed_stages, read_workspace])
def test_files_that_dvc_would_read_forever_are_refused(fresh: Path, kind: str, look: Callable[[Graph], object]) -> None:
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


def test_links_and_empty_folders_are_accepted(fresh: Path) -> None:
    folder = fresh / "data" / "sample" / "web" / "fi"
    (folder / "empty").mkdir()
    (folder / "gone").symlink_to("nowhere")
    (folder / "up").symlink_to("..")
    refuse_irregular(read_graph(fresh))


def test_a_folder_that_may_not_be_listed_is_passed_over_as_by_dvc(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, scandir = fresh / "data" / "sample" / "web" / "fi" / "closed", os.scandir
    closed.mkdir()

    def refusing(path: str) -> object:
        if path == str(closed):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    refuse_irregular(read_graph(fresh))
