"""Tests whether a training run of a real model, killed and resumed, ends with the weights of an undisturbed run.

Gemma 3 270M is trained for six steps on seeds of the sample, with a checkpoint every two steps. One run is
killed (SIGKILL) at the end of the third step and started again; it resumes from the checkpoint of the second step.
"""

from __future__ import annotations

import os
import signal
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from tests.benchmarks.gemma import CACHE, gemma_checkpoint
from tests.benchmarks.gemma_engines import real_settings, sample_pairs
from tests.benchmarks.table import Row
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.examples import Example
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Training
from x_instruction.pairs.training_pairs import instruction_examples
from x_instruction.runner.plots import PLOTS

STEPS, SAVE_EVERY, KILLED_AFTER = 6, 2, 3
MOST_DIFFERENT = 1e-5


def run() -> list[Row]:
    chosen, model = real_settings(), gemma_checkpoint("float32")
    usual = {"epochs": 1.0, "batch_size": 1, "gradient_accumulation": 2, "save_every": SAVE_EVERY}
    training = chosen.instruction_model.training.model_copy(update=usual)
    encoder = PromptEncoder(load_tokenizer(model), chosen.prompts, budget=chosen.prompts.max_response_tokens)
    # Each step needs two pairs, and each of the three languages gives a third of all pairs.
    examples = instruction_examples(sample_pairs(STEPS * 2 // 3), encoder)
    return rows_of(model, examples, training, CACHE)


def rows_of(model: Path, examples: list[Example], training: Training, scratch: Path) -> list[Row]:
    with TemporaryDirectory(dir=scratch) as name:
        undisturbed, killed = Path(name, "undisturbed"), Path(name, "killed")
        codes = [
            train_alone(model, examples, training, undisturbed, None),
            train_alone(model, examples, training, killed, KILLED_AFTER),
        ]
        resumed_from = last_step(killed)
        codes.append(train_alone(model, examples, training, killed, None))
        if codes != [0, -signal.SIGKILL, 0]:
            raise RuntimeError(f"the three trainings ended with {codes}, not with success, SIGKILL and success")
        weights, losses = differences(undisturbed, killed)
    note = f"the bound; killed after step {KILLED_AFTER} of {STEPS}, resumed from step {resumed_from}"
    return [
        Row("weights of a resumed training", "difference", weights, MOST_DIFFERENT, note),
        Row("losses of a resumed training", "nats", losses, MOST_DIFFERENT, note),
    ]


def train_alone(model: Path, examples: list[Example], training: Training, out: Path, killed_after: int | None) -> int:
    """Trains in a separate process. Returns its exit code, which is negative if a signal ended the process."""
    process = get_context("spawn").Process(target=_train, args=(model, examples, training, out, killed_after))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _train(model: Path, examples: list[Example], training: Training, out: Path, killed_after: int | None) -> None:
    from x_instruction.models import fine_tuning
    from x_instruction.runner.process import die_with_parent, quiet_libraries

    die_with_parent()
    quiet_libraries(1)
    if killed_after:
        make_trainer = fine_tuning.make_trainer

        def short_lived(*arguments: Any) -> Any:
            trainer = make_trainer(*arguments)
            trainer.add_callback(_killing(killed_after))
            return trainer

        fine_tuning.make_trainer = short_lived  # type: ignore[assignment]
    surroundings = fine_tuning.Surroundings(checkpoints=_checkpoints(out), plots=out)
    fine_tuning.fine_tune(model, examples, out, training, 1, surroundings=surroundings)


def _killing(step: int) -> Any:
    from transformers import TrainerCallback

    class Killing(TrainerCallback):
        def on_step_end(self, arguments: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == step:
                os.kill(os.getpid(), signal.SIGKILL)

    return Killing()


def _checkpoints(out: Path) -> Path:
    return out.with_name(f"{out.name}.checkpoints")


def last_step(out: Path) -> int:
    """The step of the last checkpoint; 0 if there is none."""
    return max((int(path.name.rpartition("-")[2]) for path in _checkpoints(out).glob("checkpoint-*")), default=0)


def differences(one: Path, other: Path) -> tuple[float, float]:
    """The largest differences between the weights of two models and between the losses of their steps."""
    from safetensors.torch import load_file

    ours, theirs = (load_file(folder / "model.safetensors") for folder in (one, other))
    if ours.keys() != theirs.keys():
        raise ValueError("the two models have other weights")
    weights = max(float((ours[name].float() - theirs[name].float()).abs().max()) for name in ours)
    curves = [pl.read_csv(folder / PLOTS / "loss.csv").sort("series", "step") for folder in (one, other)]
    if not curves[0].select("series", "step").equals(curves[1].select("series", "step")):
        raise ValueError("the two trainings have other steps")
    losses = (curves[0]["loss"] - curves[1]["loss"]).abs().max()
    assert isinstance(losses, float)
    return weights, losses
