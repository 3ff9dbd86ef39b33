"""A training run that was killed at any step ends with the same weights as an undisturbed one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from tests.conftest import TRAINING
from x_instruction.models import fine_tuning
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import Surroundings, fine_tune
from x_instruction.models.resuming import last_checkpoint
from x_instruction.models.settings import Training

# Dropout draws random numbers in each step, and four rows in batches of two for five epochs are ten steps.
PLAIN: dict[str, Any] = {"epochs": 5, "batch_size": 2, "dropout": 0.2, "save_every": 3}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulated": {"gradient_accumulation": 2, "epochs": 10},
    "packed": {"packing": True},
    "adapter": {"adapter": {"rank": 2, "alpha": 4, "dropout": 0.1}},
    "noise": {"neftune": 5.0},
    "best": {"evaluate_every": 2, "keep_best": True, "patience": 3},
}


class KilledError(Exception):
    """Raised in the middle of training."""


class Kill(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, arguments: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            raise KilledError


@pytest.fixture
def train(tiny_model: Path, lessons: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trains with checkpoints in a folder, and kills the run after a step."""
    make_trainer = fine_tuning.make_trainer

    def run(name: str, training: Training, killed_after: int | None = None) -> dict[str, bytes]:
        def made(*arguments: Any) -> Any:
            trainer = make_trainer(*arguments)
            if killed_after:
                trainer.add_callback(Kill(killed_after))
            return trainer

        monkeypatch.setattr(fine_tuning, "make_trainer", made)
        out = tmp_path / name
        surroundings = Surroundings(tmp_path / f"{name}_checkpoints", held_out=lessons[:1], plots=out)
        fine_tune(tiny_model, lessons, out, training, 1, surroundings=surroundings)
        return {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    return run


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_killed_training_ends_in_the_same_bytes(train: Any, settings: dict[str, Any], tmp_path: Path) -> None:
    training = Training.model_validate({**TRAINING.model_dump(), **PLAIN, **settings})
    undisturbed = train("undisturbed", training)
    for step in (1, 4, 8):
        with pytest.raises(KilledError):
            train("killed", training, killed_after=step)
    # The steps before the last checkpoint are not repeated.
    last = last_checkpoint(tmp_path / "killed_checkpoints")
    assert last is not None and last.name == "checkpoint-6"
    assert train("killed", training) == undisturbed
    assert {"model.safetensors", "loss.csv"} <= set(undisturbed)


def test_an_incomplete_checkpoint_is_passed_over(train: Any, tmp_path: Path) -> None:
    training = Training.model_validate({**TRAINING.model_dump(), **PLAIN})
    undisturbed = train("undisturbed", training)
    with pytest.raises(KilledError):
        train("killed", training, killed_after=4)
    broken = tmp_path / "killed_checkpoints" / "checkpoint-6"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(b"half of it")
    assert train("killed", training) == undisturbed


def test_without_checkpoints_a_training_begins_anew(train: Any, tmp_path: Path) -> None:
    training = Training.model_validate({**TRAINING.model_dump(), **PLAIN})
    with pytest.raises(KilledError):
        train("killed", training, killed_after=2)
    assert last_checkpoint(tmp_path / "killed_checkpoints") is None
