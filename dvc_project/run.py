"""Makes what is out of date, as `dvc repro` does, but runs independent stages side by side. `make run` uses this.

    python -m dvc_project.run [--at-once N]

DVC runs one stage after the other. This command runs `dvc repro --single-item` for each stage as soon as the inputs of
the stage are made, so that other stages use the other cores while a model is trained. If a stage fails, everything that
does not depend on it is still made. If none fails, a plain `dvc repro` confirms that everything is up to date.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from dvc.repo import Repo

from dvc_project.dvc_command import Groups, dvc, environment, reproduce
from dvc_project.graph import Graph, read_graph
from dvc_project.irregular_files import refuse_irregular
from dvc_project.prefork import preloaded
from dvc_project.project import read_settings
from dvc_project.refusals import refuse_early
from dvc_project.stale_locks import remove_stale_locks
from dvc_project.waiting import patiently
from x_instruction.runner.border import SHARDS_ARE_KEPT, at_the_border
from x_instruction.runner.process import die_with_parent

# A line of a progress bar: "  12%|█▏        | 20/168 [00:05<00:34,  4.25it/s]".
PROGRESS = re.compile(r"\d+%\|.*\||\d [a-z]+/s|[\d.]+ ?(it|rows|s)/(s|it)")
# Lines that are not printed: DVC's advice after every stage, and the progress bar for loading a model.
HIDDEN = re.compile(
    r"^(To track the changes|\tgit add|To enable auto staging|\tdvc config core|Use `dvc push`|Loading w)"
)
PROGRESS_EVERY_SECONDS = 10.0
MAX_AT_ONCE = 4
# If at least this many stages run, one process loads the libraries for all, which takes 8 s.
PREFORK_FROM = 4


@dataclass
class Outcome:
    """Names of the stages that were made, that failed, and that were skipped after a failure."""

    made: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def changed_stages(graph: Graph) -> set[str]:
    """The stages that `dvc status` calls changed, and all stages downstream of them."""
    refuse_irregular(graph)
    with Repo(str(graph.root)) as repo:
        status = patiently(graph.root, "`dvc status`", repo.status)
        found = {name.rpartition(":")[2] for name in status} & set(graph.stages)
    return found | graph.downstream(found)


def reproduce_all(
    graph: Graph, names: Collection[str], at_once: int, run: Callable[[str], int], stop: Callable[[], None]
) -> Outcome:
    """Run the named stages, at most `at_once` at a time, each after its upstream stages.

    `run` makes one stage and returns its exit status; `stop` ends the running stages. Among the stages that can start,
    the one with the most stages downstream starts first.
    """
    users = {name: len(graph.downstream([name])) for name in names}
    waiting = {name: {maker for _, maker in graph.stages[name].upstream} & set(names) for name in names}
    running: dict[Future[int], str] = {}
    outcome = Outcome()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while waiting or running:
                ready = sorted((name for name, needs in waiting.items() if not needs), key=lambda n: (-users[n], n))
                for name in ready[: at_once - len(running)]:
                    del waiting[name]
                    running[pool.submit(run, name)] = name
                for ended in wait(running, return_when=FIRST_COMPLETED).done:
                    _settle(graph, running.pop(ended), ended.result(), waiting, outcome)
        except BaseException:
            stop()  # otherwise the pool would wait until its stages have ended
            raise
    return outcome


def _settle(graph: Graph, name: str, status: int, waiting: dict[str, set[str]], outcome: Outcome) -> None:
    """Record how a stage ended. If it failed, all stages downstream of it are skipped."""
    if status == 0:
        outcome.made.append(name)
        for needs in waiting.values():
            needs.discard(name)
        return
    outcome.failed.append(name)
    for skipped in sorted(graph.downstream([name]) & set(waiting)):
        outcome.skipped.append(skipped)
        del waiting[skipped]


class Log:
    """Prints the lines of a stage, each prefixed with its name. A progress bar prints a line at most every 10 s."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._shown = time.monotonic()

    def __call__(self, line: str) -> None:
        if HIDDEN.search(line):
            return
        if PROGRESS.search(line):
            if time.monotonic() - self._shown < PROGRESS_EVERY_SECONDS:
                return
            self._shown = time.monotonic()
        print(f"[{self._stage}] {line}", flush=True)


def stages_at_once(threads: int) -> int:
    """Number of stages to run at once: the cores divided by `threads`, at most four; one if `nvidia-smi` exists."""
    return 1 if shutil.which("nvidia-smi") else max(1, min(MAX_AT_ONCE, (os.cpu_count() or 1) // threads))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dvc_project.run", description="Make every artifact that is out of date."
    )
    parser.add_argument(
        "--at-once", type=int, metavar="N", help="stages to run at the same time (default: by the number of cores)"
    )
    chosen = parser.parse_args(arguments).at_once
    if "MAKELEVEL" in os.environ:
        die_with_parent()  # if `make run` is killed, this process and its stages end too
    return at_the_border(lambda: _make_all(Path.cwd(), chosen), SHARDS_ARE_KEPT)


def _make_all(root: Path, at_once: int | None) -> int:
    settings = read_settings(root)
    threads = settings.execution.threads
    remove_stale_locks(root)
    graph = read_graph(root)
    refuse_early(graph, settings, graph.stages.values())
    if names := changed_stages(graph):
        with preloaded(root, threads) if len(names) >= PREFORK_FROM else contextlib.nullcontext():
            outcome = _run(graph, names, at_once or stages_at_once(threads))
        if outcome.failed:
            print(f"failed: {', '.join(outcome.failed)}; each error is above, after the stage's name", file=sys.stderr)
            print(
                f"skipped, because they depend on a failed stage: {', '.join(outcome.skipped) or 'none'}",
                file=sys.stderr,
            )
            return 1
    return subprocess.run(dvc("repro"), cwd=root, env=environment()).returncode


def _run(graph: Graph, names: Collection[str], at_once: int) -> Outcome:
    groups = Groups()
    started = time.monotonic()
    number = itertools.count(1)

    def run(name: str) -> int:
        began, log = time.monotonic(), Log(name)
        # The last lines of an interrupted stage say that it failed, and hide the message about the interrupt.
        status, _ = reproduce(graph.root, name, lambda line: None if groups.ended else log(line), groups)
        if status and groups.ended:
            return status
        result = "made" if status == 0 else "failed"
        now = time.monotonic()
        seconds = f"in {now - began:.0f} s, {now - started:.0f} s in all"
        print(f"{next(number)}/{len(names)} {name} {result} {seconds}", flush=True)
        return status

    # SIGTERM ends the run like Ctrl-C: the stages have their own process groups and would otherwise go on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return reproduce_all(graph, names, at_once, run, groups.end)
    except KeyboardInterrupt:
        print("interrupted: finished stages and shards are kept, and the next run continues from them", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    sys.exit(main())
