"""A wait for a lock ends with an error that names the process with the lock, unless that process makes progress."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from x_instruction.runner import patience as patience_module
from x_instruction.runner.errors import InputError
from x_instruction.runner.patience import (
    DAY,
    MOST_DAYS,
    Patience,
    acquire,
    command_of,
    holder_of,
    named,
    note_of,
    patiently_acquire,
    work_of,
)
from x_instruction.runner.shared_store import SharedStore

HOLDS = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """A clock that a test advances."""
    now = [1000.0]

    def forward(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(patience_module.time, "monotonic", lambda: now[0])
    yield forward


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A lock file, and a process that keeps the file locked until the standard input of the process ends."""
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDS, str(path)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout and other.stdout.readline() == "held\n"
    yield path, other
    other.kill()
    other.wait()


def test_a_wait_names_its_holder_repeatedly_and_then_ends(clock: Callable[[float], None]) -> None:
    printed: list[str] = []
    patience = Patience("texts fi", "stop it", longest=100, log=printed.append)
    for _ in range(10):
        patience.step("process 7 (dvc push)")
        clock(9.9)
    assert printed == [f"texts fi waits for process 7 (dvc push), {waited:.0f} s so far" for waited in (0, 40, 79)]
    clock(5)
    expected = "texts fi waited 104 s for process 7 (dvc push), which did nothing for 104 s, and gave up: stop it"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        patience.step("process 7 (dvc push)")


def test_progress_restarts_the_wait(clock: Callable[[float], None]) -> None:
    patience = Patience("texts fi", "stop it", longest=100, log=lambda line: None)
    for done in range(20):
        patience.step("a run", progress=done)
        clock(90)
    clock(11)
    with pytest.raises(InputError, match="waited 1811 s for a run, which did nothing for 101 s, and gave up"):
        patience.step("a run", progress=19)


def test_a_long_wait_says_how_long_it_has_been_although_its_holder_works(clock: Callable[[float], None]) -> None:
    printed: list[str] = []
    patience = Patience("texts fi", "stop it", longest=100, log=printed.append)
    for done in range(3):
        patience.step("a run", progress=done)
        clock(50)
    assert printed[-1] == "texts fi waits for a run, 100 s so far"


def test_a_wait_for_a_holder_that_always_works_ends_after_days(clock: Callable[[float], None]) -> None:
    patience = Patience("texts fi", "stop it", log=lambda line: None)
    for day in range(MOST_DAYS):
        patience.step("process 7 (dvc push)", progress=day)
        clock(DAY)
    expected = "texts fi waited 7 days for process 7 (dvc push), which is the longest wait, and gave up: stop it"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        patience.step("process 7 (dvc push)", progress=MOST_DAYS)


@pytest.mark.parametrize("where", ["the process", "a process that it started"])
def test_a_process_that_uses_the_processor_works(where: str) -> None:
    spin = "import sys\nwhile True: pass"
    start = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {spin!r}])"
    busy = subprocess.Popen([sys.executable, "-c", spin if where == "the process" else start], start_new_session=True)
    work, looks = 0, 0
    while not work and looks < 1200:  # until `busy` has used a second of processor time
        time.sleep(0.05)
        work, looks = work_of([busy.pid]), looks + 1
    os.killpg(busy.pid, signal.SIGKILL)
    busy.wait()
    assert work


def test_an_idle_an_ended_and_an_unknown_process_do_no_work(held: tuple[Path, subprocess.Popen[str]]) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert work_of([held[1].pid, ended.pid, None]) == 0


def test_the_holder_of_a_lock_file_is_named_with_its_command(held: tuple[Path, subprocess.Popen[str]]) -> None:
    path, other = held
    assert holder_of(path) == other.pid
    assert named(other.pid).startswith(f"process {other.pid} ({sys.executable} -c import sys, time from ")


def test_a_free_or_missing_lock_file_has_no_holder(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "none") is None
    (tmp_path / "free").touch()
    assert holder_of(tmp_path / "free") is None
    assert named(None) == "another process"


@pytest.mark.parametrize("lists", [None, "", "1: FLOCK  ADVISORY  WRITE 1 fe:00:1 0 EOF\n"])
def test_a_lock_that_the_system_does_not_list_has_a_note_of_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists: str | None
) -> None:
    monkeypatch.setattr(patience_module, "LOCKS", tmp_path / "locks")
    if lists is not None:
        (tmp_path / "locks").write_text(lists)
    with acquire(FileLock(tmp_path / "lock")):
        assert holder_of(tmp_path / "lock") == os.getpid()


def test_a_lock_that_the_system_lists_has_no_note(tmp_path: Path) -> None:
    with acquire(FileLock(tmp_path / "lock")):
        assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("content", ["", "x", "-1", "4194305", "1 2", "an earlier process"])
def test_a_note_of_an_ended_process_names_no_holder(tmp_path: Path, content: str) -> None:
    note = note_of(tmp_path / "lock")
    note.write_text(str(os.getpid()) if content == "an earlier process" else content)
    if content == "an earlier process":  # this process has the id that the earlier process had
        os.utime(note, (0, 0))
    assert holder_of(tmp_path / "lock") is None


def test_waiting_for_a_held_lock_ends_and_a_freed_lock_is_taken(held: tuple[Path, subprocess.Popen[str]]) -> None:
    path, other = held
    with pytest.raises(InputError, match=rf"waited . s for process {other.pid} \("):
        patiently_acquire(FileLock(path), Patience("texts", "stop it", longest=0.2, log=lambda line: None))
    other.kill()
    with patiently_acquire(FileLock(path), Patience("texts", "stop it")):
        assert holder_of(path) == os.getpid()


def test_a_lock_whose_holder_works_is_waited_for_although_its_files_do_not_grow(
    held: tuple[Path, subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = held
    looks = iter(range(20))

    def work(processes: Iterable[int | None]) -> int:
        assert list(processes) == [other.pid]
        if (look := next(looks)) == 19:
            other.kill()
        return look

    monkeypatch.setattr(patience_module, "work_of", work)
    # Twenty checks take at least 1 s, and the lock's process may be idle for only 0.3 s.
    monkeypatch.setattr(patience_module, "MESSAGE_EVERY", 0.05)
    with patiently_acquire(FileLock(path), Patience("texts", "stop it", longest=0.3, log=lambda line: None)):
        assert next(looks, None) is None


def test_the_command_of_an_ended_process_is_empty() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert command_of(ended.pid) == ""


def test_waiting_for_a_piece_of_another_language_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = SharedStore(tmp_path, "fi", ["fi", "sw"])
    monkeypatch.setattr(
        "x_instruction.runner.shared_store._patience", lambda key: Patience(f"shared work {key}", "stop it", 0.2)
    )
    with (
        FileLock(tmp_path / "a.lock"),
        pytest.raises(InputError, match=rf"shared work a waited 0 s for process {os.getpid()}"),
    ):
        store.fill({"a": lambda folder: None})
    assert f"shared work a waits for process {os.getpid()}" in capsys.readouterr().err
