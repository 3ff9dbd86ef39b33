"""The loss on unseen pairs does not depend on the size of batches, and its memory is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from x_instruction.models import measures as model_facts
from x_instruction.models.examples import Example
from x_instruction.models.measures import held_out_loss


def test_the_loss_is_the_same_in_bounded_batches(
    taught_model: Path, lessons: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = held_out_loss(taught_model, lessons * 3)
    rows: list[int] = []
    batch_loss = model_facts._batch_loss

    def recording(model: object, examples: list[Example]) -> tuple[float, int]:
        rows.append(len(examples))
        return batch_loss(model, examples)

    monkeypatch.setattr(model_facts, "_batch_loss", recording)
    for limit, largest in ((60 * 300, 4), (1, 1)):
        rows.clear()
        monkeypatch.setattr(model_facts, "MOST_LOGITS", limit)
        assert held_out_loss(taught_model, lessons * 3) == pytest.approx(whole, abs=1e-6)
        assert sum(rows) == 12 and max(rows) <= largest
