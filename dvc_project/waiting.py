"""What a `dvc` command waits for: its lock on the project, and its list of the paths that other commands use.

The lock is one of the operating system, so it is free once its holder has ended. The list (`.dvc/tmp/rwlock`) holds
numbers of processes: in a container these are used again, and a program that has nothing to do with DVC then seems to
hold a path. DVC waits for both without end and does not say for which process.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

import psutil  # type: ignore[import-untyped]
from dvc.lock import LockError

from x_instruction.runner.errors import InputError
from x_instruction.runner.patience import MESSAGE_EVERY, Patience, command_of, holder_of, named, work_of

BLOCKER = re.compile(r"\(PID (\d+)\): (.*)")
LOCK = Path(".dvc", "tmp", "lock")
REMEDY = "wait for it or stop it, then run again"
Result = TypeVar("Result")


def blockers(lines: Sequence[str]) -> dict[int, str]:
    """The processes that DVC names as holding a path, with the commands that it noted."""
    return {int(found[1]): found[2].strip() for line in lines if (found := BLOCKER.search(line))}


def left_over(found: dict[int, str]) -> str | None:
    """A sentence if a path is held by a process that is not a run of DVC: the number now belongs to another process.

    DVC removes a process that has ended since it was named when it is asked again.
    """
    for process, noted in found.items():
        command = command_of(process)
        if command is not None and "dvc" not in command and psutil.pid_exists(process):
            now = f"is `{command[:80]}`" if command else "has ended"
            return (
                f"the lock of `{noted}` is left over from a run that was killed: its process {process} now {now} and "
                "is not a run of DVC; delete .dvc/tmp/rwlock while nothing runs, then run again"
            )
    return None


def patiently(root: Path, what: str, call: Callable[[], Result]) -> Result:
    """The result of a call that DVC refuses while another command holds the project.

    Raises InputError if that command does nothing for a long time.
    """
    patience = Patience(what, REMEDY)
    while True:
        try:
            return call()
        except LockError:  # DVC itself has waited three seconds
            holder = holder_of(root / LOCK)
            patience.step(named(holder), work_of([holder]))


@contextmanager
def bounded(process: subprocess.Popen[str], root: Path, log: Callable[[str], None]) -> Iterator[list[str]]:
    """While this is open, a command that waits for the project's lock too long is ended; the list then says why."""
    done, why = threading.Event(), list[str]()
    watch = threading.Thread(target=_watch, args=(process, root, log, done, why), daemon=True)
    watch.start()
    try:
        yield why
    finally:
        done.set()
        watch.join(timeout=MESSAGE_EVERY)


def _watch(
    process: subprocess.Popen[str], root: Path, log: Callable[[str], None], done: threading.Event, why: list[str]
) -> None:
    patience = Patience("dvc", REMEDY, log=log)
    pause = MESSAGE_EVERY
    while not done.wait(pause):
        holder = holder_of(root / LOCK)
        if holder is None or not _waits(process.pid, holder):
            patience = Patience("dvc", REMEDY, log=log)
            continue
        try:
            pause = patience.step(named(holder), work_of([holder]))
        except InputError as error:
            why.append(f"error: {error}")
            process.terminate()
            return


def _waits(process: int, holder: int) -> bool:
    """Whether a command may wait for the holder: it is another process, and the command runs no stage."""
    try:
        return process != holder and not psutil.Process(process).children()
    except psutil.Error:
        return False


def lines_of(process: subprocess.Popen[str], log: Callable[[str], None], grace: float) -> Iterator[str]:
    """The lines that a command prints. A process that it left behind may keep the output open: it is not waited for."""
    waiting: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        for line in process.stdout or ():
            waiting.put(line)
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    ended: float | None = None
    while True:
        try:
            line = waiting.get(timeout=grace / 3)
        except Empty:
            ended = ended or (time.monotonic() if process.poll() is not None else None)
            if ended and time.monotonic() - ended > grace:
                log("a process that the command left behind still holds its output and is not waited for")
                return
            continue
        if line is None:
            return
        yield line
