"""Run the `dvc` command as a child process that can be watched and ended.

Stages are not run through DVC's Python API, because DVC ignores the interrupt signal while a stage runs, and Dagster
cancels a run with that signal. The command has its own process group, so that ending the group ends the stage too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dvc_project.waiting import REMEDY, blockers, bounded, left_over, lines_of
from x_instruction.runner.errors import InputError
from x_instruction.runner.patience import UNKNOWN, Patience, named, work_of

# DVC prints this and fails at once if another command uses a path, even with `--wait-for-lock`.
BUSY = "is busy, it is being blocked by"
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 2.0, 30.0
GRACE_SECONDS = 3.0
MAIN = Path(__file__).with_name("dvc_main.py")


class Groups:
    """The running process groups, which can be ended together."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether `end` was called."""
        return self._ended

    @contextlib.contextmanager
    def holding(self, process: subprocess.Popen[str]) -> Iterator[None]:
        with self._lock:
            self._running.add(process)
            ended = self._ended
        try:
            if ended:
                _end_group(process)
            yield
        finally:
            with self._lock:
                self._running.discard(process)

    def end(self) -> None:
        """End all running commands, and every one that starts later."""
        with self._lock:
            self._ended = True
            running = list(self._running)
        for process in running:
            _end_group(process)


def reproduce(
    root: Path, stage: str, log: Callable[[str], None], groups: Groups | None = None
) -> tuple[int, list[str]]:
    """Run one stage alone. Returns the exit status and the printed lines; `log` gets each line when it is printed.

    If another run of DVC uses a path of the stage, or has locked the project, the stage waits until that run has ended
    or has released the lock. The stage fails if that run does nothing for an hour, or if the wait takes seven days. If
    the process that seems to use the path is not a run of DVC, the stage fails at once.
    """
    command = dvc("--wait-for-lock", "repro", "--single-item", stage)
    wait, patience = FIRST_WAIT_SECONDS, Patience(stage, REMEDY, log=log)
    while True:
        status, lines = run_group(command, root, log, groups)
        if status == 0 or not any(BUSY in line for line in lines):
            return status, lines
        try:
            _wait_for_path(blockers(lines), patience, wait)
        except InputError as error:
            log(f"error: {error}")
            return status, [*lines, f"error: {error}"]
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)


def dvc(*arguments: str) -> list[str]:
    """The command line that runs `dvc` as a process that is terminated when this process ends."""
    # With -P, Python does not add the folder of MAIN, whose modules would hide others, to its module path.
    return [sys.executable, "-P", str(MAIN), str(os.getpid()), *arguments]


def _wait_for_path(holders: dict[int, str], patience: Patience, seconds: float) -> None:
    """Waits at most `seconds` for the processes that use a path.

    Raises InputError if one of them is not a run of DVC, or if the wait is in vain.
    """
    if sentence := left_over(holders):
        raise InputError(sentence)
    left = patience.step(", ".join(map(named, holders)) or UNKNOWN, work_of(holders))
    time.sleep(min(seconds, left))


def run_group(
    command: list[str], folder: Path, log: Callable[[str], None], groups: Groups | None = None
) -> tuple[int, list[str]]:
    """Run a command in a new process group. An exception in this function ends the whole group."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    lines = []
    try:
        with groups.holding(process) if groups else contextlib.nullcontext(), bounded(process, folder, log) as why:
            for line in lines_of(process, log, GRACE_SECONDS):
                if text := line.rstrip():
                    lines.append(text)
                    log(text)
            return process.wait(), lines + why
    except BaseException:
        _end_group(process)
        raise


def environment() -> dict[str, str]:
    """The environment of `dvc`, whose stages run with the Python of this process."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", "DVC_NO_ANALYTICS": "1"}


def _end_group(process: subprocess.Popen[str]) -> None:
    """Terminate the group, then kill it. Its members, DVC's shell and the stage, may outlive `dvc`."""
    _signal(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and _alive(process):
        time.sleep(0.1)
    _signal(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):  # a process that waits for a disk ends later
        process.wait(timeout=LONGEST_WAIT_SECONDS)


def _alive(process: subprocess.Popen[str]) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
