"""Lets only one run of a partition work at a time. A second run waits, and reports which process it waits for.

Two runs of one partition would share its staging folder and its work store. Without a lock, 5 of 44 pairs of runs that
were started together published wrong data. When the process with the lock ends, for whatever reason, the operating
system releases the lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from x_instruction.runner.patience import LONGEST_WAIT, Patience, patiently_acquire

LOCK = "lock"
REMEDY = "wait for the other run or stop it, then run again"


@contextmanager
def one_run(work: Path, partition: str, longest_wait: float = LONGEST_WAIT) -> Iterator[None]:
    """A context that has the lock of the partition whose work store is `work`.

    Raises InputError if the run that has the lock does nothing for `longest_wait` seconds, or if the wait reaches seven
    days.
    """
    work.mkdir(parents=True, exist_ok=True)
    with patiently_acquire(FileLock(work / LOCK), Patience(partition, REMEDY, longest_wait)):
        yield
