"""A model whose use or training needs more memory than is free is refused before it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import TRAINING
from x_instruction.models import fitting
from x_instruction.models.checkpoints import load_model
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.fitting import refuse_too_large_a_training
from x_instruction.models.memory import Batch, training_bytes
from x_instruction.models.settings import Training
from x_instruction.models.shape import shape_of
from x_instruction.runner.errors import InputError

MIB = 2**20
LARGE = Batch(tokens=8 * 1024, learned=8 * 256)
Free = Callable[[int], None]


def changed(**settings: Any) -> Training:
    return Training.model_validate({**TRAINING.model_dump(), "batch_size": 8, **settings})


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Free:
    """Sets the free main memory in bytes."""

    def of(size: int) -> None:
        monkeypatch.setattr(fitting, "free_memory", lambda: size)

    return of


def largest(training: Training) -> Batch:
    return Batch(training.batch_size * 1024, training.batch_size * 256)


def refusal(model: Path, training: Training) -> str:
    with pytest.raises(InputError) as refused:
        refuse_too_large_a_training(model, "float32", training, largest)
    return str(refused.value)


def needed(model: Path, training: Training) -> int:
    shape = shape_of(model)
    assert shape is not None
    return training_bytes(shape, training, largest(training), bfloat16=False, gpu=False)


def test_a_model_that_does_not_fit_is_not_loaded(tiny_model: Path, free: Free) -> None:
    free(MIB // 8)
    with pytest.raises(InputError, match=r"its weights need about 0\.0 GiB of main memory, but 0\.0 GiB are free"):
        load_model(tiny_model)
    free(MIB)
    load_model(tiny_model)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_training_that_does_not_fit_is_refused_before_it_loads(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, free: Free
) -> None:
    free(MIB // 2)
    with pytest.raises(InputError, match=r"this training of .* needs at least"):
        fine_tune(tiny_model, lessons, tmp_path, TRAINING, 1)
    free(16 * MIB)
    fine_tune(tiny_model, lessons, tmp_path, TRAINING, 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_the_error_names_only_settings_that_would_fit(tiny_model: Path, free: Free) -> None:
    saving = needed(tiny_model, changed(gradient_checkpointing=True))
    small = needed(tiny_model, changed(batch_size=1, gradient_accumulation=8))
    adapter = needed(tiny_model, changed(adapter={"rank": 16, "alpha": 32}))
    assert small < saving < adapter < needed(tiny_model, changed())
    free(saving)
    sentence = refusal(tiny_model, changed())
    assert "set gradient_checkpointing: true (" in sentence
    assert " or batch_size: 1 and gradient_accumulation: 8 (" in sentence
    assert " or adapter:" not in sentence and "four_bits" not in sentence
    assert "\n" not in sentence and sentence.count("GiB free") == 1
    free(small - 1)
    sentence = refusal(tiny_model, changed())
    assert "set gradient_checkpointing: true, batch_size: 1 and gradient_accumulation: 8, adapter" in sentence
    assert "} together (" in sentence
    free(1)
    assert refusal(tiny_model, changed()).endswith("take a smaller model or a larger machine")


def test_on_a_gpu_its_memory_is_compared_and_four_bits_are_suggested(
    tiny_model: Path, free: Free, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (8 * MIB, 24 * MIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: MIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: MIB // 2)
    free(1)
    assert fitting.free_gpu_memory() == 17 * MIB // 2
    sentence = refusal(tiny_model, changed())
    assert "but the GPU has 0.0 GiB free" in sentence
    assert "four_bits: true } together (" in sentence and "rank: 16, alpha: 32 }," not in sentence


def test_a_folder_without_a_model_is_reported_by_the_loading(tmp_path: Path, free: Free) -> None:
    free(1)
    refuse_too_large_a_training(tmp_path, "float32", changed(), largest)
