"""Waits for other processes. A wait that is in vain ends with an error.

During a wait, messages name the other process and say how long the wait has lasted. A wait is in vain if the other
process and the processes that it started do nothing for an hour. As long as they use the processor, or change the files
that the caller looks at, the wait goes on, but no longer than seven days. On Linux, /proc/locks lists the process
that holds a lock file. On other systems, and on file systems whose locks Linux does not list, a process notes its id
beside the lock.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from filelock import BaseFileLock, Timeout

from x_instruction.runner.errors import InputError
from x_instruction.runner.files import write_atomically

MESSAGE_EVERY = 30.0  # seconds
LONGEST_WAIT = 3600.0  # seconds for a process that does nothing
# The longest wait, in days, for a process that seems to be working. A training run may take days, but a process that
# hangs may also use the processor now and then.
MOST_DAYS = 7
DAY = 86_400.0  # seconds
LOCKS = Path("/proc/locks")
UNKNOWN = "another process"


def _print(line: str) -> None:
    print(line, file=sys.stderr)


class Patience:
    """One wait for another process. `what` names the waiting work in messages; the final error ends with `remedy`."""

    def __init__(
        self, what: str, remedy: str, longest: float = LONGEST_WAIT, log: Callable[[str], None] = _print
    ) -> None:
        self._what, self._remedy, self._longest, self._log = what, remedy, longest, log
        self._began: float | None = None
        self._since, self._logged, self._progress = 0.0, -MESSAGE_EVERY, object()  # the first step begins the wait

    def step(self, holder: str, progress: Any = None) -> float:
        """Returns the seconds until the next check. Raises InputError if the wait is in vain.

        `progress` is any value that changes while the other process works, such as the result of `work_of`.
        """
        now = time.monotonic()
        if self._began is None:
            self._began = now
        if progress != self._progress:
            self._since, self._progress = now, progress
        waited, idle = now - self._began, now - self._since
        if idle >= self._longest:
            raise InputError(
                f"{self._what} waited {waited:.0f} s for {holder}, which did nothing for {idle:.0f} s, and gave up: "
                f"{self._remedy}"
            )
        if waited >= MOST_DAYS * DAY:
            raise InputError(
                f"{self._what} waited {waited / DAY:.0f} days for {holder}, which is the longest wait, and gave up: "
                f"{self._remedy}"
            )
        if now - self._logged >= MESSAGE_EVERY:
            self._logged = now
            self._log(f"{self._what} waits for {holder}, {waited:.0f} s so far")
        return min(MESSAGE_EVERY, self._longest - idle, MOST_DAYS * DAY - waited)


def acquire(lock: BaseFileLock, timeout: float = 0.0) -> Any:
    """Acquires the lock, and returns a context manager that releases it.

    Raises Timeout if another process still has the lock after `timeout` seconds.
    """
    held, path = lock.acquire(timeout=timeout), Path(lock.lock_file)
    if _listed_holder(path) != os.getpid():
        with suppress(OSError):  # without the note, other runs cannot name this process
            write_atomically(note_of(path), f"{os.getpid()} {platform.node()}".encode())
    return held


def note_of(lock: Path) -> Path:
    """The file with the id of the process that has the lock, or had it last; written if the system lists no holder."""
    return lock.with_name(f"{lock.name}.pid")


def patiently_acquire(lock: BaseFileLock, patience: Patience, progress: Callable[[], Any] = lambda: None) -> Any:
    """Acquires the lock, and returns a context manager that releases it. Raises InputError if the wait is in vain."""
    timeout = 0.0
    while True:
        try:
            return acquire(lock, timeout)
        except Timeout:
            holder = holder_of(Path(lock.lock_file))
            timeout = patience.step(named(holder), (work_of([holder]), progress()))


def work_of(processes: Iterable[int | None]) -> int:
    """Whole seconds of processor time that these processes, and the processes that they started, have used.

    Fractions of a second do not count, because even a process that hangs may have threads that wake up now and then.
    """
    return int(sum(_cpu_seconds(process) for process in processes if process is not None))


def _cpu_seconds(process: int) -> float:
    try:
        family = [parent := psutil.Process(process), *parent.children(recursive=True)]
    except psutil.Error:
        return 0.0
    seconds = 0.0
    for member in family:
        try:
            seconds += sum(member.cpu_times()[:4])  # includes children of the process that have ended
        except psutil.Error:
            continue  # the process has ended in the meantime
    return seconds


def holder_of(lock: Path) -> int | None:
    """The id of the process that has a file locked; None if there is no such process, or if it is not known."""
    return _listed_holder(lock) or _noted_holder(lock)


def _listed_holder(lock: Path) -> int | None:
    try:
        status = lock.stat()
        lines = LOCKS.read_text().splitlines()
    except OSError:
        return None
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for fields in map(str.split, lines):
        if fields[1] == "FLOCK" and fields[5] == place and int(fields[4]) > 0:
            return int(fields[4])
    return None


def _noted_holder(lock: Path) -> int | None:
    """The process whose id is noted beside the lock, unless it runs on another machine that shares the folder.

    DVC writes the id into the lock file itself, where it stays after the lock was released. A process that began after
    the note was written is another process with the same id.
    """
    for path in (note_of(lock), *([] if LOCKS.exists() else [lock])):
        try:
            number, *machine = path.read_text().split()
            if machine and machine != [platform.node()]:
                continue
            process, written = psutil.Process(int(number)), path.stat().st_mtime
            if process.create_time() <= written + 1:  # file systems round times
                return int(process.pid)
        except (OSError, ValueError, psutil.Error):
            continue
    return None


def named(process: int | None) -> str:
    """A process with its command, such as "process 4711 (dvc push)"."""
    if process is None:
        return UNKNOWN
    command = command_of(process)
    return f"process {process} ({command[:80]})" if command else f"process {process}"


def command_of(process: int) -> str | None:
    """The command of a process in one line; "" for a kernel thread or an ended process; None if it is unknown."""
    try:
        text = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        return " ".join(text.split())
    except FileNotFoundError:
        return "" if LOCKS.exists() else None
    except OSError:
        return None
