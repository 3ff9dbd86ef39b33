"""A generating stage killed (SIGKILL) at ten random moments and run again, beside the same stage undisturbed."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import yaml

from tests.benchmarks.engine import untrained_model
from tests.benchmarks.table import ROOT, Row
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.shards import write_shard

KILLS, SHARDS, TEXTS = 10, 24, 32
POLL_SECONDS = 0.02
LAST_SECONDS = 1.0  # of a run, in which it may end before it is killed
COMMAND = [sys.executable, "-m", "stages", "candidate_pairs", "fi"]


def run() -> list[Row]:
    with TemporaryDirectory() as folder:
        calm, disturbed = (_project(Path(folder) / name) for name in ("calm", "disturbed"))
        course = _course(calm)
        lost = [_killed(disturbed, *moment) for moment in moments(course, random.Random(1))]
        subprocess.run(COMMAND, cwd=disturbed, check=True, capture_output=True)
        hashes = [read_json(one / "data/candidate_pairs/fi/manifest.json")["content"] for one in (calm, disturbed)]
    killed = [shards for shards in lost if shards is not None]
    return [
        Row("runs killed before they ended", "runs", float(len(killed)), float(KILLS), "at random moments"),
        Row("same hash after that", "1 is yes", float(hashes[0] == hashes[1]), 1.0, "the undisturbed run"),
        Row(
            "most finished shards lost by a kill",
            "shards",
            float(max(killed, default=0)),
            1.0,
            "beside them the one at work",
        ),
    ]


def moments(course: list[float], choose: random.Random) -> list[tuple[int, float]]:
    """KILLS moments of an undisturbed run, in order: how many shards it had finished, and the seconds since.

    `course`: the second at which it had none, one, two … of its shards, and the one at which it ended. A run that is
    taken up again skips what is finished: killed after so many seconds, all but two of ten had ended before.
    """
    drawn = sorted(choose.uniform(course[0], course[-1] - LAST_SECONDS) for _ in range(KILLS))
    finished = [sum(second <= moment for second in course) - 1 for moment in drawn]
    return [(shards, moment - course[shards]) for shards, moment in zip(finished, drawn, strict=True)]


def _finished(project: Path) -> set[Path]:
    return set((project / "data/.work/candidate_pairs/fi").glob("*/part.parquet"))


def _course(project: Path) -> list[float]:
    """Run the stage undisturbed; see `moments`."""
    started, course = time.monotonic(), [0.0]
    process = subprocess.Popen(COMMAND, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        course += [time.monotonic() - started] * (len(_finished(project)) + 1 - len(course))
    if process.returncode or len(course) != SHARDS + 1:
        raise RuntimeError(f"the undisturbed run ended with {process.returncode} and {len(course) - 1} shards")
    return [*course, time.monotonic() - started]


def _killed(project: Path, shards: int, seconds: float) -> int | None:
    """Run the stage and kill it so long after it has so many shards: how many finished ones are gone then.

    None where it ended before. The shard at work is always lost, and not counted.
    """
    before = _finished(project)
    process = subprocess.Popen(COMMAND, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
    """The stage's inputs: texts in shards and an untrained model, whose instructions no gate would let pass."""
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "stages/expectations/candidate_pairs.yaml").write_text(
        "- {metric: unaccounted_rows, equals: 0, severity: critical, because: no row is lost}\n", encoding="utf-8"
    )
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    settings["text_generation"]["backend"] = "transformers"
    (folder / "params.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
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
