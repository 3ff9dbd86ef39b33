"""One run of a partition at a time: a second one waits, and says for whom and how long.

Two runs of one partition share its staging folder and its work store. Of 44 pairs of runs started together without this
lock, 5 published wrong data. The lock is one of the operating system: it is released when its holder ends, however it
ends.
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
    """Holds the lock of the partition whose work store is `work`.

    Raises InputError if the run that holds it does nothing for `longest_wait` seconds.
    """
    work.mkdir(parents=True, exist_ok=True)
    with patiently_acquire(FileLock(work / LOCK), Patience(partition, REMEDY, longest_wait)):
        yield
