"""A trainer whose loss is over the labels alone, as a rating is read: other tokens take no part.

Labels are tokens that the start model has hardly ever said. With the loss over the whole vocabulary the first steps
go into raising them above all others, and what the start model knew is lost on the way: of the planted world's
swapped responses it then told AUC 0.50, against 0.94 with the loss over the labels (1,709 steps of 8 pairs, learning
rate 0.0006, one run each; that world's pages had headings, which named the concept).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def label_trainer(base: type, labels: Sequence[int], ignored: int) -> type:
    """TRL's SFTTrainer for rows whose completion is one of `labels` (token ids); `ignored` marks what is not learned.

    Logits are computed where labels stand, not at every token.
    """

    class LabelTrainer(base):  # type: ignore[misc]
        def compute_loss(
            self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            truth = inputs.pop("labels")
            loss = _label_loss(model, inputs, truth, labels, ignored)
            return (loss, None) if return_outputs else loss

    return LabelTrainer


def _label_loss(model: Any, inputs: dict[str, Any], truth: Any, labels: Sequence[int], ignored: int) -> Any:
    import torch

    rows, places = (truth != ignored).nonzero(as_tuple=True)
    kept, column = (places - 1).unique(return_inverse=True)
    logits = model(**inputs, use_cache=False, logits_to_keep=kept).logits
    among = torch.tensor(list(labels), device=truth.device)
    wanted = (truth[rows, places].unsqueeze(1) == among).int().argmax(1)
    return torch.nn.functional.cross_entropy(logits[rows, column][:, among].float(), wanted)
