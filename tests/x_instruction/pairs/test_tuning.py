"""A tuned model is published with its loss curve, and its checkpoints are kept until it is published."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from stages.instruction_model import stage as instruction_model
from stages.instruction_model.settings import InstructionModel
from stages.params import Settings
from tests.conftest import ROOT, TRAINING, KillTraining
from x_instruction.models.settings import Training
from x_instruction.runner.errors import GateFailedError
from x_instruction.runner.files import write_json
from x_instruction.runner.gate import Metric, judge, load_suite
from x_instruction.runner.great_expectations import Validator
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard
from x_instruction.runner.shell import run_stage

SUITE = ROOT / "stages" / "instruction_model" / "expectations.yaml"
TUNING = TRAINING.model_copy(update={"epochs": 12.0, "max_tokens": 160, "batch_size": 2, "save_every": 4})


def slower(learning_rate: float) -> Training:
    return TUNING.model_copy(update={"learning_rate": learning_rate})


@pytest.fixture
def job(make_job: Callable[..., Job], tiny_model: Path) -> Job:
    """A job with four Finnish seeds for training and two held-out seeds."""
    section = InstructionModel(training=TUNING, english_per_native=0)
    made = make_job("instruction_model", None, languages=["fi"], instruction_model=section)
    shutil.copytree(tiny_model, made.input("base_model"))
    write_json(made.input("base_model") / "manifest.json", {"content": "of the base"})
    splits = ["train"] * 4 + ["held_out"] * 2
    seeds = pl.DataFrame(
        {
            "id": [f"s{number}" for number in range(6)],
            "instruction_id": [f"i{number}" for number in range(6)],
            "instruction": [f"Say how bread number {number} is baked." for number in range(6)],
            "response": [f"Leipä {number} leivotaan uunissa." for number in range(6)],
            "split": splits,
        }
    )
    write_shard(seeds, made.input("seed_pairs", "fi") / "part-00000.parquet")
    write_json(made.input("seed_pairs", "fi") / "manifest.json", {})
    return made


def checkpoints(job: Job) -> list[str]:
    return sorted(path.name for path in job.work.glob("checkpoints/*/checkpoint-*"))


def test_an_interrupted_stage_resumes_from_its_checkpoint(job: Job, kill_training: KillTraining) -> None:
    with kill_training(9):
        run_stage(job, instruction_model, SUITE)
    assert checkpoints(job) == ["checkpoint-8"] and not job.target.exists()
    (tokenised,) = job.work.glob("*/part.parquet")
    written = tokenised.stat().st_mtime_ns
    run_stage(job, instruction_model, SUITE)
    curve = pl.read_csv(job.plots / "loss.csv")
    assert curve["step"].to_list() == list(range(1, 25)) and set(curve["series"]) == {"training"}
    assert tokenised.stat().st_mtime_ns == written
    assert checkpoints(job) == [] and (job.target / "model.safetensors").exists()
    assert list((job.root / "data" / "runs").rglob("*.tensorboard/events.out.tfevents.*"))


def test_changed_settings_restart_the_training(
    job: Job, kill_training: KillTraining, make_job: Callable[..., Job]
) -> None:
    with kill_training(9):
        run_stage(job, instruction_model, SUITE)
    (before,) = job.work.glob("checkpoints/*")
    section = InstructionModel(training=slower(0.001), english_per_native=0)
    other = make_job("instruction_model", None, languages=["fi"], instruction_model=section)
    with kill_training(9):
        run_stage(other, instruction_model, SUITE)
    (after,) = other.work.glob("checkpoints/*")
    assert before != after


def test_a_training_that_changes_nothing_is_refused_and_its_checkpoints_are_kept(
    job: Job, make_job: Callable[..., Job]
) -> None:
    # At this learning rate, no float32 weight of about 0.02 changes.
    section = InstructionModel(training=slower(1e-20), english_per_native=0)
    idle = make_job("instruction_model", None, languages=["fi"], instruction_model=section)
    with pytest.raises(GateFailedError, match="changed_weights_share"):
        run_stage(idle, instruction_model, SUITE)
    assert checkpoints(idle) and not idle.target.exists()


def test_the_loss_of_learned_examples_is_compared_before_and_after_the_training(job: Job) -> None:
    metrics = instruction_model.measure(job, instruction_model.run(job))
    assert float(metrics["learned_loss_change"]) < float(metrics["held_out_loss_change"]) < 0


GOOD: dict[str, Metric] = {
    "finite": 1,
    "vocabulary_fits": 1,
    "entropy_share": 0.5,
    "changed_weights_share": 0.99,
    "loss_change": 0.1,  # the losses of different examples, so not checked
    "learned_loss_change": -0.1,
    "held_out_loss_change": -0.1,
    "short_languages": 0,
}


@pytest.mark.parametrize("artifact", ["instruction_model", "response_model", "tuned_model"])
def test_the_checks_of_a_tuned_model_can_fail(artifact: str, settings: Settings) -> None:
    suite = load_suite(ROOT / "stages" / artifact / "expectations.yaml", settings)
    bad: dict[str, Metric] = dict.fromkeys(("learned_loss_change", "held_out_loss_change"), 0.0)
    bad |= {"changed_weights_share": 0.1, "entropy_share": 1.0}
    with Validator() as validator:
        assert not judge(artifact, "", suite, GOOD, validator.validate).failures
    with Validator() as validator:
        failures = judge(artifact, "", suite, {**GOOD, **bad}, validator.validate).failures
    assert {failure.metric for failure in failures} == set(bad)
