"""Waits, but not forever, for other `dvc` commands that have locked the project or use the same paths.

If another process has the lock of the project, DVC fails after three seconds; with `--wait-for-lock`, it waits without
a limit. In both cases, DVC does not name the process that has the lock. The operating system frees the lock when that
process ends. If another process uses a path, DVC fails at once. The paths in use are in `.dvc/tmp/rwlock`, with process
ids. In a container, process ids are soon used again, so a program that has nothing to do with DVC can seem to use a
path.
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
    """The ids and commands of the processes that use a path, read from DVC's message."""
    return {int(found[1]): found[2].strip() for line in lines if (found := BLOCKER.search(line))}


def left_over(found: dict[int, str]) -> str | None:
    """An error message if a process in `found` exists but is not a run of DVC, or is a zombie; otherwise None.

    A process that does not exist any more is no error: DVC removes it from `.dvc/tmp/rwlock` when the command is
    repeated.
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
    """Repeats a call until no other command holds the project's lock.

    Raises InputError if the command that has the lock does nothing for an hour, or still has it after seven days.
    """
    patience = Patience(what, REMEDY)
    while True:
        try:
            return call()
        except LockError:  # DVC raises it after three seconds
            holder = holder_of(root / LOCK)
            patience.step(named(holder), work_of([holder]))


@contextmanager
def bounded(process: subprocess.Popen[str], root: Path, log: Callable[[str], None]) -> Iterator[list[str]]:
    """A context that ends the command if the process with the project's lock is idle, or keeps the lock, for too long.

    Yields a list, to which the error message is then added.
    """
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
    """Whether the command may be waiting for `holder`: the two are different, and the command runs no stage."""
    try:
        return process != holder and not psutil.Process(process).children()
    except psutil.Error:
        return False


def lines_of(process: subprocess.Popen[str], log: Callable[[str], None], grace: float) -> Iterator[str]:
    """The lines that a command prints, until `grace` seconds after it has ended, even if its output is still open."""
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
                log("a process that the command left behind keeps its output open; the run goes on without it")
                return
            continue
        if line is None:
            return
        yield line
