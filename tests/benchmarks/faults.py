"""Kills (SIGKILL) `make run` at random moments, then checks the files that remain and the result of the next run.

    make bench NAME=faults                              50 kills of a run with the embedded model, training included
    KILLS=5 PROJECT=miniature make bench NAME=faults    the same on the small project of the tests

Each kill ends one random process of the run, and then the run itself. Afterwards no process may be left, and everything
published must be complete and match its manifest. If a run ends by itself, it must have published the same bytes as an
undisturbed run; the next run then starts in a new project. The record is saved in data/faults/<project> after each
kill, so the benchmark can be interrupted and resumed.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from dvc_project.graph import read_graph
from dvc_project.project import read_lock
from tests.benchmarks.processor_time import processor_seconds
from tests.benchmarks.project_copy import copy_project
from tests.benchmarks.table import ROOT, Row
from tests.miniature import make_miniature, with_package
from x_instruction.runner.errors import InputError, SettingsError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.published import MANIFEST, refuse_damaged
from x_instruction.runner.work_store import SEAL

KILLS, SEED = 50, 1
COMMAND = [sys.executable, "-m", "dvc_project.run"]
PARTS = 5  # a run is killed before it has used more than 1/PARTS of the CPU time of the undisturbed run
LOOK_EVERY = 0.1  # seconds
END_SECONDS = 30.0  # after this time, no process of a killed run may be left


@dataclass
class Record:
    """The findings so far. `seconds`: CPU time of the undisturbed run; `sealed`: write time of each checksum file."""

    seconds: float = 0.0
    tried: int = 0
    survived: int = 0
    redone: int = 0
    ended: int = 0
    equal: int = 0
    wrong: list[str] = field(default_factory=list)
    sealed: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def load(folder: Path) -> Record:
        path = folder / "record.json"
        return Record(**read_json(path)) if path.exists() else Record()

    def save(self, folder: Path) -> None:
        write_json(folder / "record.json", asdict(self))


def run() -> list[Row]:
    name = os.environ.get("PROJECT", "embedded")
    if name not in PROJECTS:
        raise SettingsError(f"PROJECT: '{name}' is not a project; choose from {', '.join(PROJECTS)}")
    kills = int(os.environ.get("KILLS", KILLS))
    record = killed_runs(ROOT / "data" / "faults" / name, PROJECTS[name], kills)
    for sentence in record.wrong:
        print(sentence)
    return rows(record, name)


def rows(record: Record, name: str) -> list[Row]:
    tried, ended = float(record.tried), float(record.ended)
    return [
        Row(
            f"kills that left complete, correct data and no process, {name}",
            "kills",
            record.survived,
            tried,
            "all kills",
        ),
        Row(f"finished shards made again, {name}", "shards", record.redone, tried, "at most, one for each kill"),
        Row(f"runs that ended with the bytes of an undisturbed run, {name}", "runs", record.equal, ended, "all runs"),
    ]


def killed_runs(folder: Path, make: Callable[[Path], None], kills: int) -> Record:
    """Kills runs, continuing the record in `folder`, until `kills` kills were tried and the last run has ended."""
    record = Record.load(folder)
    if not record.seconds:
        shutil.rmtree(folder, ignore_errors=True)
        record.seconds = _undisturbed(folder / "undisturbed", make)
        record.save(folder)
    while record.tried < kills or (folder / "killed").exists():
        if not (folder / "killed").exists():
            make(folder / "killed")
        _go_on(folder, record, may_kill=record.tried < kills)
        record.save(folder)
        print(f"{record.tried} tried, {record.survived} survived, {record.redone} shards lost", flush=True)
    return record


def _undisturbed(project: Path, make: Callable[[Path], None]) -> float:
    make(project)
    with (project.parent / "undisturbed.log").open("wb") as log:
        process = subprocess.Popen(COMMAND, cwd=project, stdout=log, stderr=log)
        seconds = processor_seconds(process)
    if process.returncode:
        raise InputError(f"the undisturbed run of {project} ended with {process.returncode}: read {log.name}")
    return seconds


def _go_on(folder: Path, record: Record, may_kill: bool) -> None:
    """Starts the run and lets it end, or kills it after a random amount of processor time.

    If the time were clock time, a run on a busy machine might always be killed before its first model is trained.
    """
    project, choose = folder / "killed", random.Random(f"{SEED} {record.tried} {record.ended}")
    with (folder / "killed.log").open("ab") as log:
        process = subprocess.Popen(COMMAND, cwd=project, stdout=log, stderr=log, start_new_session=True)
    processor_seconds(process, choose.uniform(0, record.seconds / PARTS) if may_kill else math.inf, LOOK_EVERY)
    status = process.poll()
    problems = _kill(process, choose) + problems_of(project) if status is None else []
    _count_redone(project, record)
    if status is not None:
        _ended(folder, record, status)
        return
    record.tried += 1
    record.survived += not problems
    record.wrong += [f"kill {record.tried}: {problem}" for problem in problems]


def _ended(folder: Path, record: Record, status: int) -> None:
    """Compares a run that ended by itself with the undisturbed run, and removes its project."""
    same = status == 0 and _outputs(folder / "killed") == _outputs(folder / "undisturbed")
    record.ended += 1
    record.equal += same
    if not same:
        record.wrong.append(f"run {record.ended} ended with {status} and other bytes: see {folder / 'killed.log'}")
    shutil.rmtree(folder / "killed")
    record.sealed = {}


def _kill(run: subprocess.Popen[bytes], choose: random.Random) -> list[str]:
    """Kills one process of the run at random, then the run. Returns a problem for each process that is still alive."""
    tree = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
    victim = choose.choice(tree)
    for process in (victim, tree[0]):
        if process.is_running():
            process.kill()
    run.wait()
    _, left = psutil.wait_procs(tree, END_SECONDS)
    names = [" ".join(process.cmdline()) for process in left]
    for process in left:
        process.kill()
    return [f"the process `{name}` did not end with its run" for name in names]


def problems_of(project: Path) -> list[str]:
    """A problem for each output that is half-published or differs from its manifest, and for a damaged `dvc.lock`."""
    found = []
    try:
        stages = read_graph(project).stages.values()
    except InputError as error:
        return [str(error)]
    for stage in stages:
        folder = project / stage.output
        if folder.exists() and any(folder.iterdir()):
            if not (folder / MANIFEST).exists():
                found.append(f"{stage.output} is half-published")
                continue
            try:
                refuse_damaged(folder)
            except InputError as error:
                found.append(str(error))
    return found


def _count_redone(project: Path, record: Record) -> None:
    """Counts finished work that was made again since the last kill: its file of checksums is newer now."""
    now = {str(path.relative_to(project)): path.stat().st_mtime_ns for path in project.glob(f"data/.work/**/{SEAL}")}
    record.redone += sum(now.get(path, since) != since for path, since in record.sealed.items())
    record.sealed = now


def _outputs(project: Path) -> dict[str, str]:
    return {out["path"]: out["md5"] for stage in read_lock(project).values() for out in stage.get("outs", ())}


def _embedded(project: Path) -> None:
    copy_project(project, {}, also=(".dvc/", "data/sample/"))


def _miniature(project: Path) -> None:
    project.mkdir(parents=True)
    with_package(make_miniature(project))


PROJECTS: dict[str, Callable[[Path], None]] = {"embedded": _embedded, "miniature": _miniature}
