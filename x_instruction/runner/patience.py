"""Waits that end: each says for whom and how long it waits, and gives up with a sentence.

A wait for work that makes progress begins anew with each step of it, so that only a holder that does nothing is given
up. The holder of a lock file is the process that Linux lists for it in /proc/locks; elsewhere it has no name.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, Timeout

from x_instruction.runner.errors import InputError

MESSAGE_EVERY = 30.0  # seconds
LONGEST_WAIT = 3600.0  # seconds
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
        self._since, self._said, self._progress = 0.0, -MESSAGE_EVERY, object()  # the first step begins the wait

    def step(self, holder: str, progress: Any = None) -> float:
        """Seconds until the next look. Raises InputError if there was no progress for too long."""
        now = time.monotonic()
        if progress != self._progress:
            self._since, self._progress = now, progress
        waited = now - self._since
        if waited >= self._longest:
            raise InputError(f"{self._what} waited {waited:.0f} s for {holder} and gave up: {self._remedy}")
        if now - self._said >= MESSAGE_EVERY:
            self._said = now
            self._log(f"{self._what} waits for {holder}, {waited:.0f} s so far")
        return min(MESSAGE_EVERY, self._longest - waited)


def patiently_acquire(lock: BaseFileLock, patience: Patience, progress: Callable[[], Any] = lambda: None) -> Any:
    """Acquires the lock, a context manager that releases it. Raises InputError if that takes too long."""
    timeout = 0.0
    while True:
        try:
            return lock.acquire(timeout=timeout)
        except Timeout:
            timeout = patience.step(named(holder_of(Path(lock.lock_file))), progress())


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
    """The command line of a process: empty if it has ended or is none of a user, None if it cannot be seen."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return "" if LOCKS.exists() else None
    except OSError:
        return None
