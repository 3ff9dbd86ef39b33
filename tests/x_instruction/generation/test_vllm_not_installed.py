"""The vLLM engine reports in one sentence that vLLM, which is not a core package, is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stages.params import Settings
from x_instruction.generation.open_engine import backend_facts, open_engine
from x_instruction.runner.errors import SettingsError


def test_missing_vllm_is_reported_in_one_sentence(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)  # as if vLLM were not installed
    chosen = settings.text_generation.model_copy(update={"backend": "vllm"})
    with (
        pytest.raises(SettingsError, match=r"^text_generation.backend: vllm needs vLLM, .* run `make vllm`"),
        open_engine(tmp_path, chosen, seed=1),
    ):
        pass


def test_missing_vllm_is_reported_where_it_would_choose_the_type_of_the_weights(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    generation = settings.text_generation
    vllm = generation.vllm.model_copy(update={"dtype": "auto"})
    with pytest.raises(SettingsError, match=r"needs vLLM, .* run `make vllm`"):
        backend_facts(tmp_path, generation.model_copy(update={"backend": "vllm", "vllm": vllm}))
