"""Measures the cost of the checks in a run.

The checks are hashes, manifests, locks, the record of the inputs read, checks of model weights, the search for
left-over files, and time limits of pages.

The cost is a share of the processor time of (a) a run of the whole pipeline on the sample and (b) `raw_web_text` and
`filtered_text` on 64,000 generated documents with one thread. hooks/sitecustomize.py times the checks in every process
of the run. Runs with and without checks are not compared, because on a shared machine, two equal runs differ by more
than the checks cost. The processor time of the run is read twice a second, so the last moments of each process are
missing, and the share is slightly too large.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from tests.benchmarks.memory import generated
from tests.benchmarks.processor_time import processor_seconds
from tests.benchmarks.project_copy import copy_project, run_python
from tests.benchmarks.table import FIGURES, Row
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json

DOCUMENTS, BOUND = 64_000, 0.03
HOOKS = Path(__file__).parent / "hooks"
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Cost:
    """Processor seconds of the checks by group, and of the whole run."""

    checks: Counter[str]
    total: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.checks + other.checks, self.total + other.total)

    def row(self, case: str) -> Row:
        seconds = sum(self.checks.values())
        groups = ", ".join(f"{group} {taken:.2g}" for group, taken in self.checks.most_common())
        note = f"the bound; {seconds:.2g} of {self.total:.0f} CPU s: {groups}"
        return Row(case, "share", seconds / self.total, BOUND, note)


def run() -> list[Row]:
    """The rows of (a) and (b).

    With XI_CHECKS=sample only (a) is measured, with XI_CHECKS=text only (b); the other rows are those of the last run.
    """
    rows = []
    for name, measure in PARTS.items():
        if os.environ.get("XI_CHECKS", name) == name:
            with TemporaryDirectory(dir=os.environ.get("XI_BENCH_FOLDER")) as folder:
                rows += measure(Path(folder, name))
        else:
            rows += [row for row in saved(FIGURES / "checks.json") if f"{name} run" in row.case]
    return rows


def sample_rows(project: Path) -> list[Row]:
    copy_project(project, {}, also=(".dvc/", "data/sample/"))
    return [measured(project, "-m", "dvc_project.run").row("checks in the sample run")]


def text_rows(project: Path, documents: int = DOCUMENTS) -> list[Row]:
    """Rows with the costs in a first run, and in a second run that takes every shard from the work store."""
    prepare(project, documents)
    rows = []
    for case in ("checks in a text run", "checks in a text run that finds its shards"):
        stages = ("raw_web_text", "filtered_text")
        first, second = (measured(project, "-m", "stages", stage, "fi", variables=ONE_THREAD) for stage in stages)
        rows.append((first + second).row(f"{case}, {documents:,} documents"))
    return rows


def prepare(project: Path, documents: int) -> None:
    """Makes a project whose only source is the generated corpus."""
    sources = [{"path": "corpus/{language}.jsonl"}]
    changed = {"languages": ["fi"], "execution": {"threads": 1}, "raw_web_text": {"sources": sources}}
    copy_project(project, changed, also=(".dvc/", "data/sample/"))
    (project / "corpus").mkdir()
    with (project / "corpus" / "fi.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": page}, ensure_ascii=False) + "\n" for page in generated(documents))
    run_python(project, "-m", "dvc_project.generated_lines")


def measured(project: Path, *arguments: str, variables: Mapping[str, str] = MappingProxyType({})) -> Cost:
    """The cost of running Python with these arguments in the project. Raises InputError if Python fails."""
    times, log = project / "times", project / "log"
    times.write_text("")
    path = os.pathsep.join([str(HOOKS), str(project)])
    environment = {**os.environ, **variables, "PYTHONPATH": path, "XI_TIMED": str(times)}
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, *arguments], cwd=project, env=environment, stdout=output, stderr=output
        )
        total = processor_seconds(running)
    if running.returncode:
        raise InputError(f"{' '.join(arguments)} ended with {running.returncode}: {log.read_text()[-2000:]}")
    return Cost(checks_of(times.read_text()), total)


def saved(path: Path) -> list[Row]:
    """The rows of the last run of the benchmark; no rows if there was none."""
    names = [field.name for field in fields(Row)]
    found = read_json(path) if path.exists() else []
    return [Row(**{name: row[name] for name in names}) for row in found]


def checks_of(lines: str) -> Counter[str]:
    """The seconds of the checks by group, from the lines that the hooks wrote."""
    found, whole = Counter[str](), dict[tuple[str, str], float]()
    for kind, process, group, seconds in map(str.split, lines.splitlines()):
        if kind == "+":
            found[group] += float(seconds)  # type: ignore[assignment]  # typeshed counts in whole numbers
        else:
            whole[process, group] = float(seconds)
    for (_, group), total in whole.items():
        found[group] += total  # type: ignore[assignment]
    return found


PARTS: dict[str, Callable[[Path], list[Row]]] = {"sample": sample_rows, "text": text_rows}
