"""A trainer whose loss is over the labels only, because a rating reads only the labels' probabilities.

The start model has hardly ever produced the labels. With the loss over the whole vocabulary, the first steps raise them
above all other tokens and the model loses what it knew: its AUC on swapped responses of the planted world was 0.50,
against 0.94 with the loss over the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def label_trainer(base: type, labels: Sequence[int], ignored: int) -> type:
    """A subclass of TRL's SFTTrainer for rows whose completion is one of `labels` (token ids).

    `ignored` marks the tokens that are not learned. Logits are computed only where a label is predicted.
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
