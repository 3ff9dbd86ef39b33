"""Maps a function over shards: in this process, in local processes, or on Ray. Results do not depend on the choice."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, TypeVar

from x_instruction.runner.errors import InputError, SettingsError
from x_instruction.runner.process import die_with_parent
from x_instruction.runner.settings import Execution

# A shard usually takes minutes. If it takes this long, it is too large, a worker hangs, or the cluster has no free
# processor.
LONGEST_SHARD = 4 * 3600.0  # seconds

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(function: Callable[[Item], Result], items: Iterable[Item], execution: Execution) -> Iterator[Result]:
    """Yields the results in the order of the items.

    With `processes` and `ray`, about two items per worker are taken in advance, and the function must be picklable: a
    function of a module or a partial of such a function. Raises SettingsError if Ray is chosen but is not installed or
    has no CPU. With `processes` and `ray`, raises InputError after a wait of LONGEST_SHARD for one result.
    """
    if execution.executor == "processes":
        yield from _in_processes(function, items, execution.workers)
    elif execution.executor == "ray":
        yield from _on_ray(function, items, execution.workers)
    else:
        yield from map(function, items)


def _in_processes(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    # Processes are spawned, because polars' thread pool does not survive a fork.
    context = multiprocessing.get_context("spawn")
    # Without die_with_parent, a worker would wait for its next item for ever after the stage was killed.
    with ProcessPoolExecutor(workers, context, die_with_parent, (os.getpid(),)) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield _result(waiting.popleft(), pool)
        while waiting:
            yield _result(waiting.popleft(), pool)


def _result(shard: Future[Result], pool: ProcessPoolExecutor) -> Result:
    """The result of a shard. After a wait of LONGEST_SHARD, ends the workers and raises InputError."""
    try:
        return shard.result(timeout=LONGEST_SHARD)
    except TimeoutError:
        if shard.done():  # the work itself raised the error
            raise
        workers = dict(pool._processes)
        for worker in workers.values():
            worker.kill()
        raise InputError(
            f"no shard was finished for {LONGEST_SHARD:.0f} s by processes {', '.join(map(str, workers))}; they were "
            "ended, and finished shards are kept: lower raw_web_text.rows_per_shard, or, for candidate_pairs, "
            "text_generation.texts_per_shard, then run again"
        ) from None


def _on_ray(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Maps the function on the Ray cluster at RAY_ADDRESS, else on one that runs on this machine, else on a new one.

    The nodes must share the project's folder, because each node writes its shards to the work store.
    """
    ray = _connected()
    # `ray.remote` accepts only functions and classes, but a stage maps a partial. The partial is sent only once.
    remote = ray.remote(num_cpus=1)(_call)
    shared = ray.put(function)
    waiting: deque[Any] = deque()
    for item in items:
        waiting.append(remote.remote(shared, item))
        if len(waiting) > 2 * workers:
            yield _from_ray(ray, waiting.popleft())
    while waiting:
        yield _from_ray(ray, waiting.popleft())


def _from_ray(ray: Any, shard: Any) -> Any:
    """The result of a shard. Raises InputError after LONGEST_SHARD: a task that fits no node would wait for ever."""
    try:
        return ray.get(shard, timeout=LONGEST_SHARD)
    except ray.exceptions.GetTimeoutError:
        free = ray.available_resources().get("CPU", 0)
        raise InputError(
            f"no shard was finished for {LONGEST_SHARD:.0f} s by Ray at {_address(ray)} with {free:.0f} free CPUs: "
            "finished shards are kept; see `ray status`, then run again"
        ) from None


def _address(ray: Any) -> str:
    return str(ray.get_runtime_context().gcs_address)


def _connected() -> Any:
    try:
        import ray
    except ImportError:
        raise SettingsError(
            "execution.executor is 'ray', but Ray is not installed: run `make ray`, or choose another executor"
        ) from None
    ray.init(ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    if ray.cluster_resources().get("CPU", 0) < 1:
        raise SettingsError(
            f"execution.executor is 'ray', but the cluster at {_address(ray)} has no CPU: start a node with "
            "`ray start --address=…`, or choose another executor"
        )
    return ray


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)
