"""Waits that end: each says for whom and how long it waits, and gives up with a sentence.

Only a holder that does nothing is given up: as long as its processes use the processor, or its files grow, it is waited
for, however long its work takes. The holder of a lock file is the process that Linux lists for it in /proc/locks;
elsewhere it is unknown, and only its files show that it works.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from filelock import BaseFileLock, Timeout

from x_instruction.runner.errors import InputError

MESSAGE_EVERY = 30.0  # seconds
LONGEST_WAIT = 3600.0  # seconds for a holder that does nothing
LOCKS = Path("/proc/locks")
UNKNOWN = "another process"


def _print(line: str) -> None:
    print(line, file=sys.stderr)


class Patience:
    """One wait of `what` for somebody else. `remedy` says what the user can do when it is given up."""

    def __init__(
        self, what: str, remedy: str, longest: float = LONGEST_WAIT, log: Callable[[str], None] = _print
    ) -> None:
        self._what, self._remedy, self._longest, self._log = what, remedy, longest, log
        self._began: float | None = None
        self._since, self._said, self._progress = 0.0, -MESSAGE_EVERY, object()  # the first step begins the wait

    def step(self, holder: str, progress: Any = None) -> float:
        """Seconds until the next look. Raises InputError if there was no progress for too long.

        `progress` is any value that changes while the holder works, such as that of `work_of`.
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
        if now - self._said >= MESSAGE_EVERY:
            self._said = now
            self._log(f"{self._what} waits for {holder}, {waited:.0f} s so far")
        return min(MESSAGE_EVERY, self._longest - idle)


def patiently_acquire(lock: BaseFileLock, patience: Patience, progress: Callable[[], Any] = lambda: None) -> Any:
    """Acquires the lock, a context manager that releases it. Raises InputError if that takes too long."""
    timeout = 0.0
    while True:
        try:
            return lock.acquire(timeout=timeout)
        except Timeout:
            holder = holder_of(Path(lock.lock_file))
            timeout = patience.step(named(holder), (work_of([holder]), progress()))


def work_of(processes: Iterable[int | None]) -> int:
    """Whole seconds that these processes and those that they started have used the processor for.

    The fraction is left out: a process that hangs may have threads that wake up now and then.
    """
    return int(sum(_cpu_seconds(process) for process in processes if process is not None))


def _cpu_seconds(process: int) -> float:
    try:
        family = [found := psutil.Process(process), *found.children(recursive=True)]
    except psutil.Error:
        return 0.0
    seconds = 0.0
    for member in family:
        try:
            seconds += sum(member.cpu_times()[:4])  # its own, and those of its children that have ended
        except psutil.Error:
            continue  # it has ended since
    return seconds


def holder_of(lock: Path) -> int | None:
    """The process that holds a lock file of the operating system; None if there is none, or none that can be seen."""
    try:
        found = lock.stat()
        lines = LOCKS.read_text().splitlines()
    except OSError:
        return None
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for fields in map(str.split, lines):
        if fields[1] == "FLOCK" and fields[5] == place and int(fields[4]) > 0:
            return int(fields[4])
    return None


def named(process: int | None) -> str:
    """A process with its command, such as "process 4711 (dvc push)"."""
    if process is None:
        return UNKNOWN
    command = command_of(process)
    return f"process {process} ({command[:80]})" if command else f"process {process}"


def command_of(process: int) -> str | None:
    """The command of a process in one line: empty if it has ended or is none of a user, None if it cannot be seen."""
    try:
        text = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        return " ".join(text.split())
    except FileNotFoundError:
        return "" if LOCKS.exists() else None
    except OSError:
        return None
