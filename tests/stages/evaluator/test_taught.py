"""The rating set of an iteration as its stage makes it: which model is asked for what."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from stages.evaluator.settings import Defects
from stages.evaluator.stage import taught
from stages.params import Settings
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard

MakeJob = Callable[..., Job]


@pytest.fixture
def job(make_job: MakeJob, settings: Settings, tiny_model: Path, tmp_path: Path) -> Job:
    """A first iteration with three seeds and a base model; there is no response model."""
    shutil.copytree(tiny_model, tmp_path / "data/base_model")
    seeds = pl.DataFrame({"id": list("abc"), "instruction": [f"Say {number}." for number in range(3)]})
    seeds = seeds.with_columns(response=pl.format("Leipä {} on uunissa. Se paistuu.", "id"), split=pl.lit("train"))
    write_shard(seeds, tmp_path / "data/seed_pairs/fi/part-00000.parquet")
    write_json(tmp_path / "data/seed_pairs/fi/manifest.json", {"rows": 3})
    nothing = dict.fromkeys(settings.evaluator.defects.model_dump(), 0.0)
    defects = Defects(**{**nothing, "cut": 1, "swapped": 1, "drift": 3})
    own = settings.evaluator.model_copy(update={"defects": defects})
    decoding = settings.decoding.model_copy(update={"max_new_tokens": 8})
    return make_job("evaluator", None, iteration="iteration_1", languages=["fi"], evaluator=own, decoding=decoding)


def test_drift_is_asked_of_the_base_model_and_what_is_not_taught_of_no_model(job: Job) -> None:
    worst = [one for one in taught(job) if one.level == "worst"]
    drifts = [one for one in worst if one.defect == "drift"]
    assert {one.defect for one in worst} == {"drift", "swapped"}
    assert len(drifts) > 100 and all("Leipä" not in one.response for one in drifts)


def test_no_model_is_asked_where_nothing_is_taught_of_one(job: Job) -> None:
    shutil.rmtree(job.input("base_model"))
    defects = job.settings.evaluator.defects.model_copy(update={"drift": 0.0, "swapped": 1.0})
    own = job.settings.model_copy(update={"evaluator": job.settings.evaluator.model_copy(update={"defects": defects})})
    made = taught(replace(job, settings=own))
    assert {one.defect for one in made if one.level == "worst"} == {"swapped"}
