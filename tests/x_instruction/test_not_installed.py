"""A setting that needs a package from another list of pins says so in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stages.params import Settings
from x_instruction.generation.open_engine import open_engine
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.executor import ordered_map


def test_vllm_is_not_installed(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    chosen = settings.text_generation.model_copy(update={"backend": "vllm"})
    with (
        pytest.raises(SettingsError, match=r"^text_generation.backend: vllm needs vLLM, .* run `make vllm`"),
        open_engine(tmp_path, chosen, seed=1),
    ):
        pass


def test_ray_is_not_installed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    execution = settings.execution.model_copy(update={"executor": "ray"})
    with pytest.raises(SettingsError, match=r"^execution.executor: ray is not installed: run `make ray`"):
        list(ordered_map(str, [1], execution))
