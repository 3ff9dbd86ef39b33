"""Computes the loss over completions, with logits only for the tokens of completions.

In small models with Gemma's vocabulary of 262,144 tokens, the logits of all positions take more time than the rest of
the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from x_instruction.models.batches import IGNORED


def completion_loss(model: Any, inputs: dict[str, Any], labels: Sequence[int] | None = None) -> tuple[Any, int]:
    """The summed cross-entropy, in nats, of the learned tokens of a batch, and the number of these tokens.

    `inputs` has the tensors of `padded` or `packed`. If `labels` (token ids) are given, every learned token must be one
    of them, and the softmax is over the labels only. With the loss over the whole vocabulary, the first steps raised
    the logits of the labels above all others, and the model lost what it knew: on the artificial languages of
    docs/evaluator.md, AUC in detecting responses to another instruction was 0.50 with that loss, and 0.94 with the loss
    over the labels.
    """
    import torch

    _, logits, wanted = _predictions(model, inputs, labels)
    return torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"), len(wanted)


def losses_by_row(model: Any, inputs: dict[str, Any]) -> list[tuple[float, int]]:
    """For each row of a batch from `padded`, the summed cross-entropy and the number of its learned tokens."""
    import torch

    rows, logits, wanted = _predictions(model, inputs, None)
    losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="none").double()
    size = len(inputs["labels"])
    sums = torch.zeros(size, dtype=losses.dtype, device=losses.device).index_add_(0, rows, losses)
    return list(zip(sums.tolist(), torch.bincount(rows, minlength=size).tolist(), strict=True))


def _predictions(model: Any, inputs: dict[str, Any], labels: Sequence[int] | None) -> tuple[Any, Any, Any]:
    """Three tensors with an entry for each learned token: its row, the logits for it, and its index in these logits."""
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
    """A context in which the output layer reads only the hidden states at (`rows`, `places`), as one row.

    The argument `logits_to_keep` of transformers is not enough: it keeps the same positions in every row, and some
    architectures ignore it.
    """

    def chosen(_: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden = arguments[0]
        return hidden[rows.to(hidden.device), places.to(hidden.device)].unsqueeze(0), *arguments[1:]

    hook = model.get_output_embeddings().register_forward_pre_hook(chosen)
    try:
        yield
    finally:
        hook.remove()
