"""A training run that was killed and resumed ends with the same weights as an undisturbed run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TRAINING, KillTraining
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import Surroundings, fine_tune
from x_instruction.models.resuming import last_checkpoint
from x_instruction.models.settings import Training

# Dropout draws random numbers in each step, so a resumed run must restore the generator's state. Four rows in
# batches of two for five epochs give ten steps.
PLAIN: dict[str, Any] = {"epochs": 5, "batch_size": 2, "dropout": 0.2, "save_every": 3}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulated": {"gradient_accumulation": 2, "epochs": 10},
    "packed": {"packing": True},
    "adapter": {"adapter": {"rank": 2, "alpha": 4, "dropout": 0.1}},
    "noise": {"neftune": 5.0},
    "best": {"evaluate_every": 2, "keep_best": True, "patience": 3},
}


Train = Callable[[str, Training], dict[str, bytes]]


@pytest.fixture
def train(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> Train:
    """Trains with checkpoints in a folder. Returns the bytes of the model's files and plot."""

    def run(name: str, training: Training) -> dict[str, bytes]:
        out = tmp_path / name
        surroundings = Surroundings(tmp_path / f"{name}_checkpoints", held_out=lessons[:1], plots=out)
        fine_tune(tiny_model, lessons, out, training, 1, surroundings=surroundings)
        return {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    return run


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_resumed_training_gives_the_same_bytes(
    train: Train, kill_training: KillTraining, settings: dict[str, Any], tmp_path: Path
) -> None:
    training = Training.model_validate({**TRAINING.model_dump(), **PLAIN, **settings})
    undisturbed = train("undisturbed", training)
    for step in (1, 4, 8):
        with kill_training(step):
            train("killed", training)
    # The steps before the last checkpoint are not repeated.
    last = last_checkpoint(tmp_path / "killed_checkpoints")
    assert last is not None and last.name == "checkpoint-6"
    assert train("killed", training) == undisturbed
    assert {"model.safetensors", "loss.csv"} <= set(undisturbed)


def test_an_incomplete_checkpoint_is_skipped(train: Train, kill_training: KillTraining, tmp_path: Path) -> None:
    training = Training.model_validate({**TRAINING.model_dump(), **PLAIN})
    undisturbed = train("undisturbed", training)
    with kill_training(4):
        train("killed", training)
    broken = tmp_path / "killed_checkpoints" / "checkpoint-6"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(b"half of it")
    (broken / "trainer_state.json").write_text("[" * 200_000)
    assert train("killed", training) == undisturbed


def test_without_checkpoints_a_training_starts_from_the_beginning(
    train: Train, kill_training: KillTraining, tmp_path: Path
) -> None:
    training = Training.model_validate({**TRAINING.model_dump(), **PLAIN})
    with kill_training(2):
        train("killed", training)
    assert last_checkpoint(tmp_path / "killed_checkpoints") is None
