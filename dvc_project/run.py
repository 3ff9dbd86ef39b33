"""`dvc repro`, with stages that do not need each other side by side: what `make run` calls.

    python -m dagster_project.repro [--at-once N]

DVC runs one stage after the other. Here each stage still runs by `dvc repro --single-item`, as soon as those it is
made from are there, so that small stages and the other model's training fill the second core. Where a stage fails,
what is made from it is left out and the rest is finished. A plain `dvc repro` comes last and has the last word.
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
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from dvc.repo import Repo

from dvc_project.dvc_command import Groups, environment, reproduce
from dvc_project.graph import Graph, read_graph
from dvc_project.prefork import preloaded
from stages.params import load_settings
from x_instruction.runner.errors import XInstructionError

# What a progress bar writes again and again: "  12%|█▏        | 20/168 [00:05<00:34,  4.25it/s]".
PROGRESS = re.compile(r"\d+%\|.*\||\d [a-z]+/s|[\d.]+ ?(it|rows|s)/(s|it)")
# DVC's advice after every stage, and the bar of a model that loads in no time.
NOT_SHOWN = re.compile(
    r"^(To track the changes|\tgit add|To enable auto staging|\tdvc config core|Use `dvc push`|Loading w)"
)
PROGRESS_EVERY_SECONDS = 10.0
MOST_AT_ONCE = 4
# From so many stages on, libraries are loaded once for all: it takes 8 s, and saves each 3 to 8 s.
MANY = 4


@dataclass
class Outcome:
    """What became of the stages that had to be made."""

    made: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def changed_stages(graph: Graph) -> set[str]:
    """What `dvc status` calls changed, and all that is made from it."""
    with Repo(str(graph.root)) as repo:
        found = {name.rpartition(":")[2] for name in repo.status()} & set(graph.stages)
    return found | _made_from(graph, found)


def _made_from(graph: Graph, names: Collection[str]) -> set[str]:
    """Stages downstream of the named ones, near and far."""
    found: set[str] = set()
    fresh = set(names)
    while fresh:
        fresh = {
            stage.name for stage in graph.stages.values() if any(maker in fresh for _, maker in stage.upstream)
        } - found
        found |= fresh
    return found


def reproduce_all(
    graph: Graph, names: Collection[str], at_once: int, run: Callable[[str], int], stop: Callable[[], None]
) -> Outcome:
    """Run the named stages, at most `at_once` at a time, each after those of them it is made from.

    `run` makes one stage and returns its exit status; `stop` ends those that run. Of the stages that are ready, the
    one with most left behind it starts first: what others wait for is not kept waiting itself.
    """
    left = {name: len(_made_from(graph, [name])) for name in names}
    waiting = {name: {maker for _, maker in graph.stages[name].upstream} & set(names) for name in names}
    running: dict[Future[int], str] = {}
    outcome = Outcome()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while waiting or running:
                ready = sorted((one for one, needs in waiting.items() if not needs), key=lambda one: (-left[one], one))
                for name in ready[: at_once - len(running)]:
                    del waiting[name]
                    running[pool.submit(run, name)] = name
                for ended in wait(running, return_when=FIRST_COMPLETED).done:
                    _settle(graph, running.pop(ended), ended.result(), waiting, outcome)
        except BaseException:
            stop()  # else the pool would wait for its stages to end by themselves
            raise
    return outcome


def _settle(graph: Graph, name: str, status: int, waiting: dict[str, set[str]], outcome: Outcome) -> None:
    """A stage ended: let those go that waited for it, or leave out all that would be made from it."""
    if status == 0:
        outcome.made.append(name)
        for needs in waiting.values():
            needs.discard(name)
        return
    outcome.failed.append(name)
    for lost in sorted(_made_from(graph, [name]) & set(waiting)):
        outcome.left_out.append(lost)
        del waiting[lost]


class Log:
    """Prints a stage's lines behind its name, of a progress bar one in ten seconds."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._shown = time.monotonic()

    def __call__(self, line: str) -> None:
        if NOT_SHOWN.search(line):
            return
        if PROGRESS.search(line):
            if time.monotonic() - self._shown < PROGRESS_EVERY_SECONDS:
                return
            self._shown = time.monotonic()
        print(f"[{self._stage}] {line}", flush=True)


def stages_at_once(threads: int) -> int:
    """One for each core and thread of a stage, four at most; one where a GPU is, which two could not share."""
    return 1 if shutil.which("nvidia-smi") else max(1, min(MOST_AT_ONCE, (os.cpu_count() or 1) // threads))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dagster_project.repro", description="Make what changed.")
    parser.add_argument("--at-once", type=int, metavar="N", help="stages side by side (default: by the cores)")
    chosen = parser.parse_args(arguments).at_once
    root = Path.cwd()
    try:
        threads = load_settings(root / "params.yaml").execution.threads
    except XInstructionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    graph = read_graph(root)
    if names := changed_stages(graph):
        at_once = chosen or stages_at_once(threads)
        with preloaded(root, threads) if len(names) >= MANY else contextlib.nullcontext():
            outcome = _run(graph, names, at_once)
        if outcome.failed:
            print(f"failed: {', '.join(outcome.failed)}; the reason is above, behind the name", file=sys.stderr)
            print(f"not made for that: {', '.join(outcome.left_out) or 'nothing else'}", file=sys.stderr)
            return 1
    return subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=root, env=environment()).returncode


def _run(graph: Graph, names: Collection[str], at_once: int) -> Outcome:
    groups = Groups()
    started = time.monotonic()
    ended = itertools.count(1)

    def run(name: str) -> int:
        begun = time.monotonic()
        status, _ = reproduce(graph.root, name, Log(name), groups)
        word = "made" if status == 0 else "failed"
        now = time.monotonic()
        print(
            f"{next(ended)}/{len(names)} {name} {word} in {now - begun:.0f} s, {now - started:.0f} s in all", flush=True
        )
        return status

    # Asked to end, this ends like on Ctrl-C: stages run in process groups of their own and would go on alone.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return reproduce_all(graph, names, at_once, run, groups.end)
    except KeyboardInterrupt:
        print("interrupted: finished stages and shards stay, the next run goes on from there", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    sys.exit(main())
