"""Interrupted training of the evaluator resumes, and the loss is published as a plot and a log."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.evaluator.rating_set import RatedPair
from stages.evaluator.stage import learn
from stages.params import Settings
from tests.conftest import TRAINING, KillTraining
from x_instruction.pairs.training_pairs import Pair
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard

LEVELS = ("best", "flawed", "worst")
RATED = [
    RatedPair(Pair(f"p{number}", "fi", f"Say {number}", "talo", ""), f"talo {number}", LEVELS[number % 3], "cut")
    for number in range(16)
]
# Dropout draws random numbers in each step, so a resumed run must restore the generator's state.
SHORT = {"batch_size": 2, "dropout": 0.2, "save_every": 3, "max_tokens": 128}


@pytest.fixture
def job_with(make_job: Callable[..., Job], settings: Settings, tiny_model: Path, tmp_path: Path) -> Callable[..., Job]:
    """Makes a job in a given folder. The evaluator starts from the tiny model. Keywords replace evaluator settings."""

    def made(folder: str, **changed: Any) -> Job:
        training = TRAINING.model_copy(update={**SHORT, **changed.pop("training", {})})
        sections = {
            "evaluator": settings.evaluator.model_copy(update={"training": training, **changed}),
            "rating": settings.rating.model_copy(update={"labels": ["A", "B", "C"]}),
        }
        job = make_job("evaluator", None, iteration="iteration_1", root=tmp_path / folder, languages=["fi"], **sections)
        if not job.input("start").exists():
            shutil.copytree(tiny_model, job.input("start"))
            write_json(job.input("start") / "manifest.json", {"content": "of the start model"})
        return job

    (tmp_path / "undisturbed").mkdir()
    (tmp_path / "killed").mkdir()
    return made


def learned(job: Job) -> dict[str, bytes]:
    """Trains the evaluator. Returns the bytes of each of its files, plots included."""
    shutil.rmtree(job.staging, ignore_errors=True)
    learn(job, job.input("start"), RATED, job.staging)
    return {str(path.relative_to(job.staging)): path.read_bytes() for path in job.staging.rglob("*") if path.is_file()}


def test_a_resumed_training_gives_the_same_bytes(job_with: Callable[..., Job], kill_training: KillTraining) -> None:
    undisturbed = learned(job_with("undisturbed"))
    for step in (4, 7):
        with kill_training(step):
            learned(job_with("killed"))
    job = job_with("killed")
    (checkpoint,) = job.work.glob("checkpoints/*/checkpoint-*")
    assert checkpoint.name == "checkpoint-6"
    assert learned(job) == undisturbed
    assert {"model.safetensors", "plots/loss.csv"} <= set(undisturbed)


def test_the_loss_of_every_step_is_in_a_plot_and_a_log(job_with: Callable[..., Job]) -> None:
    job = job_with("undisturbed")
    learned(job)
    assert pl.read_csv(job.staging / "plots" / "loss.csv")["step"].to_list() == list(range(1, 9))
    assert list((job.root / "data/runs/evaluator/iteration_1.tensorboard").glob("events.out.tfevents.*"))


@pytest.mark.parametrize("changed", [{"loss_over": "labels"}, {"batches": "in_order"}], ids=str)
def test_a_change_that_affects_the_training_restarts_it(
    job_with: Callable[..., Job], kill_training: KillTraining, changed: dict[str, str]
) -> None:
    kept = []
    for settings in ({}, changed):
        with kill_training(4):
            learned(job_with("killed", **settings))
        (folder,) = job_with("killed").work.glob("checkpoints/*")
        kept.append(folder.name)
    assert kept[0] != kept[1]


def test_the_held_out_loss_is_measured_on_the_calibration_seeds(job_with: Callable[..., Job]) -> None:
    job = job_with("undisturbed", training={"evaluate_every": 4}, loss_over="labels")
    seeds = {
        "id": ["a", "b", "c", "d"],
        "instruction_id": ["1", "2", "3", "4"],
        "instruction": ["Say one.", "Say two.", "Say three.", "Say four."],
        "response": ["Talo on iso.", "Kala ui.", "Sana on tosi.", "Pala on pois."],
        "split": ["calibration", "calibration", "train", "held_out"],
    }
    write_shard(pl.DataFrame(seeds), job.input("seed_pairs", "fi") / "part-00000.parquet")
    write_json(job.input("seed_pairs", "fi") / "manifest.json", {})
    learned(job)
    curve = pl.read_csv(job.staging / "plots" / "loss.csv").filter(pl.col("series") == "held-out")
    assert curve["step"].to_list() == [4, 8]
    # The loss is over the three labels; over the vocabulary of 300 tokens, an untrained model would have a loss of 5.7.
    assert curve["loss"].max() < 3
