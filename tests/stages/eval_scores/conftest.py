"""A small project in which `eval_scores` can run; its models have about 100,000 weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.eval_scores.settings import EvalScores
from stages.params import Settings
from x_instruction.rating.calibration import Calibration
from x_instruction.rating.settings import Rating
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard

QUESTIONS = [{"prompt": "one"}, {"prompt": "two"}, {"prompt": "three"}, {"prompt": "kolme", "language": "fi"}]
SEEDS = [("three", "kissa istuu"), ("four", "na na na na")]


@pytest.fixture
def make_scores_job(
    make_job: Callable[..., Job], settings: Settings, tmp_path: Path, tiny_model: Path, taught_model: Path
) -> Callable[..., Job]:
    """Makes the job of the small project. Keywords are settings of `eval_scores`; by default ratings use no signals."""
    for name, model in (
        ("base_model", tiny_model),
        ("response_model/iteration_1", tiny_model),
        ("tuned_model", taught_model),
        ("evaluator/iteration_1", taught_model),
    ):
        shutil.copytree(model, tmp_path / "data" / name)
        write_json(tmp_path / "data" / name / "manifest.json", {"content": name})
    Calibration().write(tmp_path / "data/evaluator/iteration_1")
    write_json(tmp_path / "data/metrics/evaluator/iteration_1.json", {"precision": 0.5})
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, QUESTIONS)))
    seeds = tmp_path / "data/seed_pairs/fi"
    rows = [
        {"id": f"{number}", "split": "held_out", "instruction": question, "response": answer}
        for number, (question, answer) in enumerate(SEEDS)
    ]
    write_shard(pl.DataFrame(rows), seeds / "part-00000.parquet")
    write_json(seeds / "manifest.json", {"rows": len(rows)})

    def make(rating: Rating | None = None, **changed: Any) -> Job:
        section = {
            **settings.eval_scores.model_dump(),
            "questions": [{"name": "own", "path": "questions.jsonl"}],
            "bootstrap_samples": 50,
            **changed,
        }
        job = make_job(
            "eval_scores",
            eval_scores=EvalScores.model_validate(section),
            iterations={"iteration_1": settings.iterations["iteration_1"]},
            decoding=settings.decoding.model_copy(update={"max_new_tokens": 12, "temperature": 0.0}),
            rating=rating or settings.rating.model_copy(update={"labels": ["A", "B", "C"], "signals": ()}),
            prompts=settings.prompts.model_copy(
                update={"write_response": "<|instruction|>{instruction}<|response|>", "rate": "{instruction}{response}"}
            ),
        )
        shutil.rmtree(job.staging, ignore_errors=True)
        job.staging.mkdir(parents=True)
        return job

    return make
