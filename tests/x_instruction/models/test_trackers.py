"""A logger is imported only if the settings name it; it gets every step, and sends nothing that was not requested.

The tests use the real DVCLive and TensorBoard. W&B and MLflow are large, so a module that records its calls replaces
each of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tensorboardX.proto.event_pb2 import Event

from tests.conftest import TRAINING
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import Surroundings, fine_tune
from x_instruction.models.settings import Training
from x_instruction.models.trackers import QUIET
from x_instruction.runner.errors import SettingsError

STEPS = {"epochs": 3.0, "batch_size": 2}
VARIABLES = ["WANDB_MODE", "WANDB_PROJECT", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_ALLOW_FILE_STORE"]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Removes all environment variables of loggers, before and after the test."""
    with monkeypatch.context() as patch:
        for name in (*VARIABLES, *QUIET):
            patch.setenv(name, "")
            patch.delenv(name)
        yield


class Recorder(ModuleType):
    """A module whose functions only record their calls; `init` returns the module itself as the run."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = sys.__spec__  # makes the module count as installed
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any, **named: Any) -> Any:
            self.calls.append((name, arguments, named))
            return self

        return called

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(arguments, named) for called, arguments, named in self.calls if called == name]


def logged(tiny_model: Path, lessons: list[Example], folder: Path, *names: str) -> Path:
    """Trains for six steps with the named loggers. Returns the path of the logs without a suffix."""
    training: Training = TRAINING.model_copy(update={**STEPS, "report_to": names})
    logs = folder / "response_model" / "iteration_1"
    fine_tune(tiny_model, lessons, folder / "model", training, 1, surroundings=Surroundings(logs=logs))
    return logs


def test_wandb_is_offline_and_gets_every_step(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = Recorder("wandb")
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    logs = logged(tiny_model, lessons, tmp_path, "wandb")
    ((_, opened),) = wandb.of("init")
    assert opened["mode"] == "offline" and opened["dir"] == f"{logs}.wandb"
    assert (opened["project"], opened["name"]) == ("x-instruction", "response_model/iteration_1")
    assert opened["config"]["learning_rate"] == TRAINING.learning_rate
    steps = [named["step"] for (figures,), named in wandb.of("log") if "loss" in figures]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert len(wandb.of("finish")) == 1 and os.environ["WANDB_ERROR_REPORTING"] == "false"


def test_the_users_settings_for_wandb_are_used(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = Recorder("wandb")
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    logged(tiny_model, lessons, tmp_path, "wandb")
    ((_, opened),) = wandb.of("init")
    assert (opened["mode"], opened["project"]) == ("online", "mine")


def test_mlflow_writes_to_a_folder_and_gets_every_step(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = Recorder("mlflow")
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    logs = logged(tiny_model, lessons, tmp_path, "mlflow")
    assert mlflow.of("set_tracking_uri") == [((f"file://{logs}.mlflow",), {})]
    assert mlflow.of("start_run") == [((), {"run_name": "response_model/iteration_1"})]
    steps = [named["step"] for (figures,), named in mlflow.of("log_metrics") if "loss" in figures]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert len(mlflow.of("end_run")) == 1 and os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_server_that_the_user_set_for_mlflow_is_used(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = Recorder("mlflow")
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    logged(tiny_model, lessons, tmp_path, "mlflow")
    assert mlflow.of("set_tracking_uri") == [] and "MLFLOW_ALLOW_FILE_STORE" not in os.environ


def test_dvclive_writes_its_figures_and_changes_nothing_in_the_project(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dvclive", reason="dvclive is not installed: `make test` installs it")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    logs = logged(tiny_model, lessons, tmp_path, "dvclive")
    lines = Path(f"{logs}.dvclive", "plots", "metrics", "loss.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["step", "1", "2", "3", "4", "5", "6"]
    assert (tmp_path / "dvc.yaml").read_text() == "stages: {}\n"
    assert not (tmp_path / ".git").exists()


def test_tensorboard_has_the_loss_of_every_step(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    logs = logged(tiny_model, lessons, tmp_path, "tensorboard")
    (file,) = Path(f"{logs}.tensorboard").glob("events.out.tfevents.*")
    data, steps = file.read_bytes(), []
    while data:
        # A record consists of its length, a checksum of four bytes, the event, and another checksum of four bytes.
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        steps += [event.step for value in event.summary.value if value.tag == "loss"]
        data = data[16 + length :]
    assert steps == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("name", "package"), [("wandb", "wandb"), ("mlflow", "mlflow-skinny")])
def test_a_logger_that_is_not_installed_is_refused_before_the_training(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("x_instruction.models.trackers.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=f"report_to names {name}, .*`pip install {package}`"):
        logged(tiny_model, lessons, tmp_path, name)
    assert not list(tmp_path.iterdir())


def test_no_logger_is_imported_unless_it_is_named(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    before = {name for name in ("wandb", "mlflow", "dvclive") if name in sys.modules}
    logged(tiny_model, lessons, tmp_path)
    assert {name for name in ("wandb", "mlflow", "dvclive") if name in sys.modules} == before
