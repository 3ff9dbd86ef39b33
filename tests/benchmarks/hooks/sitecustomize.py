"""Times the checks of every Python process that starts with this folder on PYTHONPATH: see tests/benchmarks/checks.py.

Python imports a module of this name when it starts. Each outermost call of a check appends a line with its processor
seconds to the file that XI_TIMED names: `+ process group seconds`. These are the seconds of the calling thread; other
threads do not count. A line with `=` has the seconds that all threads of a process have used so far, and replaces
earlier `=` lines of the same process. `=` lines are written only for the process that forks the readers of pages.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

RUNNER = "x_instruction.runner"
EXTRACTOR = "x_instruction.pages.extractor"
# For each module, the names of its checks by the group under which their time is reported.
CHECKS = {
    f"{RUNNER}.checksums": {
        "hashes": ("checksum", "checksums", "refuse_changed"),
        "manifests": ("read_sealed", "write_sealed"),
    },
    f"{RUNNER}.work_store": {"hashes": ("seal", "finished", "note", "as_noted"), "left-overs": ("remove_temporary",)},
    f"{RUNNER}.published": {"manifests": ("manifest_of", "refuse_damaged", "refuse_damaged_copy", "read_metrics")},
    f"{RUNNER}.shards": {"manifests": ("Partition._refuse_unfinished",)},
    f"{RUNNER}.readings": {"readings": ("Readings.of", "Readings.refuse_changes")},
    f"{RUNNER}.listed_inputs": {"readings": ("refuse_unlisted",)},
    f"{RUNNER}.patience": {"locks": ("patiently_acquire",)},
    f"{RUNNER}.left_overs": {"left-overs": ("sweep", "withdraw")},
    "x_instruction.models.refusals": {"weights": ("refuse_other_files", "refuse_unfit_weights")},
    EXTRACTOR: {"pages": ("Extractor.extract",)},
}
_here = threading.local()


def write(kind: str, process: int, group: str, seconds: float) -> None:
    line = f"{kind} {process} {group} {seconds:.6f}\n"
    file = os.open(os.environ["XI_TIMED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, line.encode())
    os.close(file)


def timed(function: Callable[..., Any], group: str) -> Callable[..., Any]:
    """The same function, but it writes a line at the end of each call that is not within another check."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        if getattr(_here, "checks", False):
            return function(*arguments, **named)
        _here.checks, started = True, time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            seconds, _here.checks = time.thread_time() - started, False
            write("+", os.getpid(), group, seconds)

    return call


def time_checks(module: ModuleType) -> None:
    """Replaces the checks by timed functions. Raises AttributeError if a check does not exist any more."""
    for group, names in CHECKS[module.__name__].items():
        for name in names:
            *owner, last = name.split(".")
            place = getattr(module, owner[0]) if owner else module
            found = vars(place)[last] if last in vars(place) else getattr(place, last)
            static = isinstance(found, staticmethod)
            function = timed(found.__func__ if static else found, group)
            setattr(place, last, staticmethod(function) if static else function)
    if module.__name__ == EXTRACTOR:
        time_page_process(module)


def time_page_process(module: ModuleType) -> None:
    """Times the process that reads pages and the process that forks it. Reading pages does not count."""
    serve, answer = module._serve, module._answer
    ended = [0.0]  # the processor time when the last page was read

    def timed_serve(connection: Any) -> None:
        write("=", os.getppid(), "pages", seconds_of(os.getppid()))
        serve(connection)

    def timed_answer(*arguments: Any) -> Any:
        write("+", os.getpid(), "pages", time.thread_time() - ended[0])
        try:
            return answer(*arguments)
        finally:
            ended[0] = time.thread_time()

    module._serve, module._answer = timed_serve, timed_answer  # type: ignore[attr-defined]
    # The function is pickled by its name, which must be that of the function that it replaces.
    timed_serve.__module__, timed_serve.__qualname__ = module.__name__, "_serve"


def seconds_of(process: int) -> float:
    """Processor seconds of another process, from /proc."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Finder(importlib.abc.MetaPathFinder):
    """Times the checks of a module as soon as it is loaded, before another module can import these checks."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in CHECKS:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_timed(module: ModuleType) -> None:
                load(module)
                time_checks(module)

            spec.loader.exec_module = load_timed  # type: ignore[method-assign]
        return spec


if "XI_TIMED" in os.environ:
    sys.meta_path.insert(0, Finder())
