"""The loss on unseen pairs does not depend on the batch size, and computing it takes limited memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from x_instruction.models import measures
from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model
from x_instruction.models.examples import Example
from x_instruction.models.measures import held_out_loss


def test_the_loss_is_the_same_in_limited_batches(
    taught_model: Path, lessons: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = held_out_loss(taught_model, lessons * 3)
    tokens: list[int] = []
    completion_loss = measures.completion_loss

    def recording(model: Any, inputs: dict[str, Any], labels: None) -> tuple[Any, int]:
        loss, count = completion_loss(model, inputs, labels)
        tokens.append(count)
        return loss, count

    monkeypatch.setattr(measures, "completion_loss", recording)
    longest = max(len(lesson.completion) for lesson in lessons)
    vocabulary = load_model(taught_model).config.vocab_size
    for limit, largest in ((60 * vocabulary, 60), (1, longest)):
        tokens.clear()
        monkeypatch.setattr(measures, "MOST_LOGITS", limit)
        assert held_out_loss(taught_model, lessons * 3) == pytest.approx(whole, abs=1e-6)
        assert sum(tokens) == 3 * sum(len(lesson.completion) for lesson in lessons) and max(tokens) <= largest


@pytest.mark.parametrize("saved", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("fast", [None, "float32"], ids=["with bfloat16", "without bfloat16"])
def test_a_float32_model_is_measured_as_if_it_were_saved_in_another_type(
    taught_model: Path,
    lessons: list[Example],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    saved: str,
    fast: str | None,
) -> None:
    monkeypatch.setattr(measures, "inference_dtype", lambda: fast)
    save_model(load_model(taught_model, dtype=saved), load_tokenizer(taught_model), tmp_path / "saved")
    assert held_out_loss(taught_model, lessons, saved) == held_out_loss(tmp_path / "saved", lessons, saved)


def test_models_stored_in_different_types_are_measured_in_one_type(
    taught_model: Path, lessons: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "inference_dtype", lambda: None)  # as on a processor with bfloat16
    exact = load_model(taught_model).bfloat16().float()
    save_model(exact, load_tokenizer(taught_model), tmp_path / "float32")
    save_model(exact.bfloat16(), load_tokenizer(taught_model), tmp_path / "bfloat16")
    one, other = (held_out_loss(tmp_path / name, lessons, "float32") for name in ("float32", "bfloat16"))
    assert one == other != held_out_loss(tmp_path / "bfloat16", lessons)
