"""The map over shards: in this process, in local processes, or on Ray. Nothing else in a stage knows which."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from importlib.util import find_spec
from typing import Any, TypeVar

from x_instruction.runner.errors import SettingsError
from x_instruction.runner.settings import Execution

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(function: Callable[[Item], Result], items: Iterable[Item], execution: Execution) -> Iterator[Result]:
    """Results in the order of the items. At most two items a worker are held, so memory stays bounded.

    With `processes` and `ray` the function must be picklable (a module's function or a partial of one).
    """
    if execution.executor == "processes":
        yield from _in_processes(function, items, execution.workers)
    elif execution.executor == "ray":
        yield from _on_ray(function, items, execution.workers)
    else:
        yield from map(function, items)


def _in_processes(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    # spawn: polars' thread pool does not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _on_ray(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    if not find_spec("ray"):
        raise SettingsError("execution.executor: ray is not installed: run `make ray`, or choose processes")
    import ray

    # An address in RAY_ADDRESS joins that cluster; without one, a local one is started.
    ray.init(ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    remote: Any = ray.remote(num_cpus=1)(function)
    waiting: deque[Any] = deque()
    for item in items:
        waiting.append(remote.remote(item))
        if len(waiting) > 2 * workers:
            yield ray.get(waiting.popleft())
    while waiting:
        yield ray.get(waiting.popleft())
