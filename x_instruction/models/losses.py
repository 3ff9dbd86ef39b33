"""Computes the loss over completions, from the logits at their positions only.

With Gemma's vocabulary of 262,144 tokens, the logits of all positions take more time than the rest of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from x_instruction.models.batches import IGNORED


def completion_loss(model: Any, inputs: dict[str, Any], labels: Sequence[int] | None = None) -> tuple[Any, int]:
    """Summed cross-entropy of the learned tokens of a batch, in nats, and their number.

    `inputs` has the tensors of `padded` or `packed`. If `labels` (token ids) are given, every learned token is one of
    them and the loss is computed over them only. A rating reads only their probabilities, and the start model has
    hardly ever produced them. With the loss over the whole vocabulary, the first steps raise them above all other
    tokens, and the model loses what it knew: AUC on swapped responses of the planted world (docs/evaluator.md) was
    0.50, and 0.94 with the loss over the labels.
    """
    import torch

    _, logits, wanted = _predictions(model, inputs, labels)
    return torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"), len(wanted)


def losses_by_row(model: Any, inputs: dict[str, Any]) -> list[tuple[float, int]]:
    """For each row of a batch from `padded`, the summed cross-entropy of its learned tokens, and their number."""
    import torch

    rows, logits, wanted = _predictions(model, inputs, None)
    losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="none").double()
    size = len(inputs["labels"])
    sums = torch.zeros(size, dtype=losses.dtype, device=losses.device).index_add_(0, rows, losses)
    return list(zip(sums.tolist(), torch.bincount(rows, minlength=size).tolist(), strict=True))


def _predictions(model: Any, inputs: dict[str, Any], labels: Sequence[int] | None) -> tuple[Any, Any, Any]:
    """For each learned token its row, the logits that predict it, and the position of the token among these logits."""
    import torch

    truth = inputs["labels"]
    rows, places = (truth[:, 1:] != IGNORED).nonzero(as_tuple=True)
    with head_reads(model, rows, places):
        logits = model(**{name: value for name, value in inputs.items() if name != "labels"}, use_cache=False).logits
    logits, wanted = logits.reshape(-1, logits.shape[-1]), truth[rows, places + 1]
    if labels is not None:
        among = torch.tensor(list(labels), device=truth.device)
        logits, wanted = logits[:, among], (wanted.unsqueeze(1) == among).int().argmax(1)
    return rows, logits.float(), wanted


@contextmanager
def head_reads(model: Any, rows: Any, places: Any) -> Iterator[None]:
    """Makes the output layer read only the hidden states at these positions, as one row, while the context is open.

    The argument `logits_to_keep` of transformers keeps the same positions in every row, and some architectures ignore
    it.
    """

    def chosen(_: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden = arguments[0]
        return hidden[rows.to(hidden.device), places.to(hidden.device)].unsqueeze(0), *arguments[1:]

    hook = model.get_output_embeddings().register_forward_pre_hook(chosen)
    try:
        yield
    finally:
        hook.remove()
