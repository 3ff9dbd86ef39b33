"""Stages forked from a process that has the libraries loaded: the same as stages of their own, ended as they are."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvc_project.prefork import LIBRARIES, start
from tests.conftest import ROOT
from x_instruction.runner.delegate import SOCKET

# In the place of the shell: says where and how it was called, sleeps if asked to, ends as asked to.
SHELL = """
import os, sys, time
from pathlib import Path

def main(arguments=None):
    arguments = arguments or sys.argv[1:]
    Path("begun").write_text(f"{os.getppid()} {os.getpid()} {os.environ['WORD']}")
    print("said", *arguments, os.getcwd(), flush=True)
    time.sleep(float(arguments[0]))
    Path("ended").write_text("")
    if arguments[1] == "dies":
        os.kill(os.getpid(), 9)
    if arguments[1] == "raises":
        raise ValueError("a fault of ours")
    return int(arguments[1])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    code = (folder / "stages/preloaded.py").read_text(encoding="utf-8")
    (folder / "stages/preloaded.py").write_text(code.replace("in LIBRARIES:", "in ():"), encoding="utf-8")
    (folder / "stages/shell.py").write_text(SHELL, encoding="utf-8")
    return folder


@pytest.fixture
def server(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    monkeypatch.setenv(SOCKET, "set by start")  # and taken back after the test
    process = start(project, tmp_path / "socket", 1)
    yield process
    process.kill()
    process.wait()


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages", *arguments],
        cwd=project,
        env={**os.environ, "WORD": "ours"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def begun(project: Path) -> list[str]:
    deadline = time.monotonic() + 30
    while not (project / "begun").exists() or not (project / "begun").read_text():
        assert time.monotonic() < deadline, "the stage did not begin"
        time.sleep(0.05)
    return (project / "begun").read_text().split()


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_stage_is_forked_from_it_with_arguments_folder_environment_and_streams(
    project: Path, server: subprocess.Popen[bytes]
) -> None:
    ended = run(project, "0", "0")

    assert (ended.returncode, ended.stdout) == (0, f"said 0 0 {project}\n")
    parent, _, word = begun(project)
    assert (int(parent), word) == (server.pid, "ours")


@pytest.mark.parametrize(("how", "status", "said"), [("3", 3, ""), ("raises", 1, "a fault of ours")])
def test_it_ends_as_the_stage_ended(
    project: Path, server: subprocess.Popen[bytes], how: str, status: int, said: str
) -> None:
    ended = run(project, "0", how)

    assert ended.returncode == status
    assert said in ended.stderr


def test_a_stage_that_was_killed_is_a_failure_and_said_to_be(project: Path, server: subprocess.Popen[bytes]) -> None:
    ended = run(project, "0", "dies")

    assert ended.returncode == 1
    assert "error: the process of 0 dies ended without a word" in ended.stderr


def test_a_stage_whose_caller_is_ended_does_not_go_on(project: Path, server: subprocess.Popen[bytes]) -> None:
    command = [sys.executable, "-m", "stages", "60", "0"]
    asking = subprocess.Popen(command, cwd=project, env={**os.environ, "WORD": "ours"})
    _, stage, _ = begun(project)

    asking.send_signal(signal.SIGKILL)
    asking.wait()

    deadline = time.monotonic() + 30  # on a core with two others at work 10 s were not enough, once
    while alive(int(stage)):
        assert time.monotonic() < deadline, "the stage lived on"
        time.sleep(0.05)
    assert not (project / "ended").exists()


def test_without_it_the_stage_does_the_work_itself(project: Path, server: subprocess.Popen[bytes]) -> None:
    server.kill()
    server.wait()

    assert run(project, "0", "0").returncode == 0
    assert int(begun(project)[0]) == os.getpid()


def test_no_thread_runs_and_no_code_of_ours_is_loaded_where_stages_are_forked() -> None:
    code = (
        "import importlib, os, sys\n"
        "from stages.processes import quiet_libraries\n"
        "quiet_libraries(1)\n"
        f"for name in {LIBRARIES!r}: importlib.import_module(name)\n"
        "print({open(f'/proc/self/task/{one}/comm').read().strip() for one in os.listdir('/proc/self/task')}\n"
        "      - {'python', 'python3', 'python3.11', 'jemalloc_bg_thd'})\n"
        "print([one for one in sys.modules if one.startswith('stages')])\n"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert told.stdout.split("\n")[:2] == ["set()", "['stages', 'stages.processes']"]
