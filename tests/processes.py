"""Functions that wait for other processes. They wait up to a minute, because the machine may be busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(done: Callable[[], bool], failure: str, seconds: float = 60, every: float = 0.05) -> None:
    """Waits until `done` is true. Fails with the message after the given time."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, failure
        time.sleep(every)


def wait_for_text(path: Path) -> str:
    """Waits until another process has written the file, and returns its text."""
    wait_until(lambda: path.exists() and path.read_text() != "", f"{path} was not written")
    return path.read_text()


def has_ended(process: int) -> bool:
    """Whether the process has ended, even if it is still a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] in "ZX"
    except FileNotFoundError:
        return True
