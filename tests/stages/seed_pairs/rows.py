"""Settings, seed files and a job that reads them, shared by the tests of `seed_pairs`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from stages.seed_pairs.settings import SeedPairs, SeedSource
from tests.conftest import ROOT
from x_instruction.runner.job import Job

MakeJob = Callable[..., Job]
SETTINGS = SeedPairs(
    sources=[SeedSource(folder="seeds")],
    translation=None,
    held_out_share=0.3,
    calibration_share=0.0,
    min_response_words=3,
    max_bad_share=0.2,
    max_length_ratio=2.5,
    max_copied_share=0.3,
)
PAIR = {"instruction": "Say.", "response": "kolme ihan hyvää"}


def job_of(make_job: MakeJob, *sources: SeedSource, **settings: object) -> Job:
    changed = {"sources": list(sources), **settings}
    job = make_job("seed_pairs", seed_pairs=SETTINGS.model_copy(update=changed))
    if not job.language_pages.exists():
        job.language_pages.symlink_to(ROOT / "languages")
    return job


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    if path.suffix == ".parquet":
        pl.DataFrame(rows).write_parquet(path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(text))
    elif path.suffix == ".zst":
        with pa.output_stream(str(path), compression="zstd") as file:
            file.write(text)
    else:
        path.write_bytes(text)
