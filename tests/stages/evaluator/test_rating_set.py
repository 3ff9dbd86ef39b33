"""The base model writes bad answers for the evaluator's training set. It is loaded only if such answers are needed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from stages.evaluator.settings import Defects
from stages.evaluator.stage import rating_set
from stages.params import Settings
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard

MakeJob = Callable[..., Job]


@pytest.fixture
def job(make_job: MakeJob, settings: Settings, tiny_model: Path, tmp_path: Path) -> Job:
    """A job of the first iteration with three seeds and a base model, but without a response model."""
    shutil.copytree(tiny_model, tmp_path / "data/base_model")
    seeds = pl.DataFrame({"id": list("abc"), "instruction": [f"Say {number}." for number in range(3)]})
    seeds = seeds.with_columns(
        response=pl.format("Leipä {} on uunissa. Se paistuu.", "id"), split=pl.lit("train"), instruction_id="id"
    )
    write_shard(seeds, tmp_path / "data/seed_pairs/fi/part-00000.parquet")
    write_json(tmp_path / "data/seed_pairs/fi/manifest.json", {"rows": 3})
    nothing = dict.fromkeys(settings.evaluator.defects.model_dump(), 0.0)
    defects = Defects(**{**nothing, "cut": 1, "swapped": 1, "drift": 3})
    evaluator = settings.evaluator.model_copy(update={"defects": defects})
    decoding = settings.decoding.model_copy(update={"max_new_tokens": 8})
    return make_job(
        "evaluator", None, iteration="iteration_1", languages=["fi"], evaluator=evaluator, decoding=decoding
    )


def test_the_base_model_writes_drift_and_no_model_writes_a_defect_of_weight_0(job: Job) -> None:
    worst = [item for item in rating_set(job) if item.level == "worst"]
    drifts = [item for item in worst if item.defect == "drift"]
    assert {item.defect for item in worst} == {"drift", "swapped"}
    assert len(drifts) > 100 and all("Leipä" not in item.response for item in drifts)


def test_no_model_is_loaded_if_no_model_answer_is_needed(job: Job) -> None:
    shutil.rmtree(job.input("base_model"))
    defects = job.settings.evaluator.defects.model_copy(update={"drift": 0.0, "swapped": 1.0})
    evaluator = job.settings.evaluator.model_copy(update={"defects": defects})
    made = rating_set(replace(job, settings=job.settings.model_copy(update={"evaluator": evaluator})))
    assert {item.defect for item in made if item.level == "worst"} == {"swapped"}
