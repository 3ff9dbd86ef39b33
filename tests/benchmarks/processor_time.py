"""Measures the processor time of a run with all its processes, which depends less on other programs than clock time."""

from __future__ import annotations

import math
import subprocess
import time
from typing import Any

import psutil


def processor_seconds(running: subprocess.Popen[Any], at_most: float = math.inf, every: float = 0.5) -> float:
    """Waits until a process ends, or until it and its descendants have used `at_most` seconds of processor time.

    Returns the seconds used. The times are read once in `every` seconds, so the last moments of a process are missing.
    """
    used: dict[tuple[int, float], float] = {}
    while running.poll() is None and sum(used.values()) < at_most:
        for member in _family(running.pid):
            try:
                times = member.cpu_times()
                used[member.pid, member.create_time()] = times.user + times.system
            except psutil.Error:
                continue  # the process has just ended
        time.sleep(every)
    return sum(used.values())


def _family(process: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(process)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
