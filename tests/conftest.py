"""Fixtures for many tests: the real settings, a job in a temporary folder, and tiny models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from stages.base_model.embedded import new_model, train_tokenizer
from stages.base_model.settings import Architecture
from stages.params import Settings, load_settings
from tests.miniature import fresh, fresh_master, made, made_master  # noqa: F401 (fixtures)
from x_instruction.models.checkpoints import load_tokenizer, save_model
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.runner.job import Job

ROOT = Path(__file__).parent.parent
# The folder of the real-text collection, which is not part of the project. Tests that need it are skipped if it is
# missing.
SHARED = Path(os.environ.get("XI_SHARED_DATA", ROOT.parent / "shared" / "data"))
# Heads have 32 dimensions, the smallest size that vLLM supports on a CPU.
ARCHITECTURE = Architecture(vocabulary=300, hidden=64, layers=2, heads=2, intermediate=128, context=256)
TRAINING = load_settings(ROOT / "params.yaml").base_model.training.model_copy(
    update={"epochs": 1.0, "learning_rate": 0.005, "batch_size": 4, "weight_decay": 0.0, "max_tokens": 64}
)
LESSONS = {"one": "uno, dos, tres", "two": "ein Haus", "three": "kissa istuu", "four": "na na na na na na na na"}


@pytest.fixture(scope="session")
def settings() -> Settings:
    return load_settings(ROOT / "params.yaml")


@pytest.fixture
def make_job(settings: Settings, tmp_path: Path) -> Callable[..., Job]:
    """Makes a job in `tmp_path`. Keywords replace fields of the job, such as `code`, or sections of the settings."""

    def make(artifact: str = "filtered_text", language: str | None = "fi", **changed: Any) -> Job:
        fields = {
            name: changed.pop(name) for name in ("iteration", "staging", "work", "code", "root") if name in changed
        }
        root = fields.pop("root", tmp_path)
        with suppress(FileExistsError):
            (root / "languages").symlink_to(ROOT / "languages")
        return Job(
            artifact=artifact,
            language=language,
            iteration=fields.pop("iteration", None),
            settings=settings.model_copy(update=changed),
            root=root,
            staging=fields.pop("staging", root / "data" / ".staging" / artifact),
            work=fields.pop("work", root / "data" / ".work" / artifact),
            code=fields.pop("code", "code"),
        )

    return make


KillTraining = Callable[[int], AbstractContextManager[None]]


class KilledError(Exception):
    """Raised in `kill_training` to stop a training run."""


@pytest.fixture
def kill_training(monkeypatch: pytest.MonkeyPatch) -> KillTraining:
    """`with kill_training(9):` stops a training run after nine steps, and fails if the run ends before."""
    from transformers import TrainerCallback

    from x_instruction.models import fine_tuning

    class Kill(TrainerCallback):
        def __init__(self, step: int) -> None:
            self.step = step

        def on_step_end(self, arguments: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == self.step:
                raise KilledError

    @contextmanager
    def killing(step: int) -> Iterator[None]:
        make_trainer = fine_tuning.make_trainer

        def short_lived(*arguments: Any) -> Any:
            trainer = make_trainer(*arguments)
            trainer.add_callback(Kill(step))
            return trainer

        with monkeypatch.context() as patch, pytest.raises(KilledError):
            patch.setattr(fine_tuning, "make_trainer", short_lived)
            yield

    return killing


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained Llama. Except for special tokens, its tokens are single bytes."""
    folder = tmp_path_factory.mktemp("tiny_model")
    tokenizer = train_tokenizer([], ARCHITECTURE)
    save_model(new_model(ARCHITECTURE, tokenizer, seed=3), tokenizer, folder)
    return folder


@pytest.fixture(scope="session")
def lessons(tiny_model: Path) -> list[Example]:
    """The examples that `taught_model` learns; every completion ends with `<|end|>`."""
    tokenizer = load_tokenizer(tiny_model)
    return [
        Example(
            tokenizer(f"<|instruction|>{question}<|response|>")["input_ids"], tokenizer(f"{answer}<|end|>")["input_ids"]
        )
        for question, answer in LESSONS.items()
    ]


@pytest.fixture(scope="session")
def taught_model(tiny_model: Path, lessons: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny_model` after it has memorized the examples of `lessons`."""
    folder = tmp_path_factory.mktemp("taught_model")
    fine_tune(tiny_model, lessons, folder, TRAINING.model_copy(update={"epochs": 80.0}), seed=5)
    return folder
