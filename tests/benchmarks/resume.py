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

from stages.files import read_json, write_json
from stages.shards import write_shard
from tests.benchmarks.engine import untrained_model
from tests.benchmarks.table import ROOT, Row

KILLS, SHARDS, TEXTS = 10, 24, 32
COMMAND = [sys.executable, "-m", "stages", "candidate_pairs", "fi"]


def run() -> list[Row]:
    with TemporaryDirectory() as folder:
        calm, disturbed = (_project(Path(folder) / name) for name in ("calm", "disturbed"))
        started = time.monotonic()
        subprocess.run(COMMAND, cwd=calm, check=True, capture_output=True)
        seconds = time.monotonic() - started
        lost = [_killed(disturbed, random.Random(number).uniform(0, seconds)) for number in range(KILLS)]
        subprocess.run(COMMAND, cwd=disturbed, check=True, capture_output=True)
        hashes = [read_json(one / "data/candidate_pairs/fi/manifest.json")["content"] for one in (calm, disturbed)]
    same = float(hashes[0] == hashes[1])
    return [
        Row("same hash after ten kills", "1 is yes", same, 1.0, "the undisturbed run"),
        Row("most shards lost by a kill", "shards", float(max(lost)), 1.0, "the bound: the shard at work"),
    ]


def _killed(project: Path, after: float) -> int:
    """Run the stage and kill it; how many shards it had begun and not finished, or finished and lost again."""
    store = project / "data/.work/candidate_pairs/fi"
    before = set(store.glob("*/part.parquet"))
    process = subprocess.Popen(COMMAND, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    now = set(store.glob("*/part.parquet"))
    begun = [one for one in store.iterdir() if one.is_dir()] if store.exists() else []
    return len(begun) - len(now) + len(before - now)


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
