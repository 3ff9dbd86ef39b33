"""Kills (SIGKILL) a generating stage at ten random moments; compares its final output with an undisturbed run's."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from tests.benchmarks.engine import untrained_model
from tests.benchmarks.project_copy import copy_project
from tests.benchmarks.table import Row
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.shards import write_shard

KILLS, SHARDS, TEXTS = 10, 24, 32
POLL_SECONDS = 0.02
LAST_SECONDS = 1.0  # kills are planned at least this long before the end, as the killed run may be faster
COMMAND = [sys.executable, "-m", "stages", "candidate_pairs", "fi"]


def run() -> list[Row]:
    with TemporaryDirectory() as folder:
        undisturbed, killed = (_project(Path(folder) / name) for name in ("undisturbed", "killed"))
        times = _shard_times(undisturbed)
        lost = [_kill_run(killed, *moment) for moment in moments(times, random.Random(1))]
        subprocess.run(COMMAND, cwd=killed, check=True, capture_output=True)
        first, second = (
            read_json(project / "data/candidate_pairs/fi/manifest.json")["content"] for project in (undisturbed, killed)
        )
    losses = [shards for shards in lost if shards is not None]
    worst = float(max(losses, default=0))
    return [
        Row("runs killed before they ended", "runs", float(len(losses)), float(KILLS), "at random moments"),
        Row("same hash afterwards", "1 is yes", float(first == second), 1.0, "the undisturbed run"),
        Row(
            "finished shards lost by one kill, at most", "shards", worst, 1.0, "at most, besides the shard in progress"
        ),
    ]


def moments(times: list[float], choose: random.Random) -> list[tuple[int, float]]:
    """KILLS random moments of a run: the number of shards finished by then, and the seconds since the last of them.

    `times[n]` is the time in seconds at which n shards were finished; the last entry is the end of the run. A moment is
    not given in seconds alone, because a resumed run skips finished shards and often ends before that time: of ten
    kills that were planned in seconds alone, only two hit a run.
    """
    drawn = sorted(choose.uniform(times[0], times[-1] - LAST_SECONDS) for _ in range(KILLS))
    finished = [sum(second <= moment for second in times) - 1 for moment in drawn]
    return [(shards, moment - times[shards]) for shards, moment in zip(finished, drawn, strict=True)]


def _finished(project: Path) -> set[Path]:
    return set((project / "data/.work/candidate_pairs/fi").glob("*/sealed.json"))


def _start(project: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(COMMAND, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _shard_times(project: Path) -> list[float]:
    """Runs the stage undisturbed. Returns `times` as in `moments`; raises RuntimeError if the stage fails."""
    started, times = time.monotonic(), [0.0]
    process = _start(project)
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        times += [time.monotonic() - started] * (len(_finished(project)) + 1 - len(times))
    if process.returncode or len(times) != SHARDS + 1:
        raise RuntimeError(f"the undisturbed run ended with {process.returncode} and {len(times) - 1} shards")
    return [*times, time.monotonic() - started]


def _kill_run(project: Path, shards: int, seconds: float) -> int | None:
    """Runs the stage and kills it `seconds` after `shards` shards are finished.

    Returns the number of finished shards that were lost, or None if the run had already ended. The shard in progress is
    always lost and is not counted.
    """
    before = _finished(project)
    process = _start(project)
    while process.poll() is None and len(before) < shards:
        time.sleep(POLL_SECONDS)
        before |= _finished(project)
    try:
        process.wait(seconds)
        return None
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return len(before - _finished(project))


def _project(folder: Path) -> Path:
    """Makes a copy of the project with texts in shards and an untrained model.

    The only expectation of its candidate_pairs is that no row is lost, because an untrained model would fail the
    others.
    """
    copy_project(folder, {"text_generation": {"backend": "transformers"}})
    (folder / "stages/candidate_pairs/expectations.yaml").write_text(
        "- {metric: unaccounted_rows, equals: 0, severity: critical, because: no row is lost}\n", encoding="utf-8"
    )
    model = untrained_model(folder / "data/instruction_model")
    write_json(model / "manifest.json", {"content": "untrained"})
    for number in range(SHARDS):
        write_shard(_texts(number), folder / f"data/filtered_text/fi/part-{number:05d}.parquet")
    write_json(folder / "data/filtered_text/fi/manifest.json", {})
    return folder


def _texts(shard: int) -> pl.DataFrame:
    names = [f"{shard}-{number}" for number in range(TEXTS)]
    empty = dict.fromkeys(("title", "url", "source", "date", "license", "source_id", "extractor"), "")
    return pl.DataFrame(
        {"id": names, "document_id": names, "text": [f"Leipä numero {name} paistetaan uunissa." for name in names]}
    ).with_columns(
        language=pl.lit("fi"), record=pl.lit(0, pl.Int64), **{key: pl.lit(value) for key, value in empty.items()}
    )
