"""Estimates the memory that a model and its training need, by the formula of docs/models.md.

The estimate is a lower bound, so that no training run that fits is refused: tensors that only some architectures keep
are left out. docs/models.md compares it with measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from x_instruction.models.batches import IGNORED, Row
from x_instruction.models.settings import Adapter, Training
from x_instruction.models.shape import Shape

# Bytes for each parameter in float32: for its weight, for the two moments of Adam, and for its gradient.
WEIGHT, MOMENTS, GRADIENT = 4, 8, 4
FOUR_BITS = 0.5625  # bytes of a weight in NF4, with one float32 scale for every 64 weights


@dataclass(frozen=True)
class Batch:
    """The size of a batch. `tokens`: number of tokens, with padding. `learned`: number of tokens in the loss."""

    tokens: int
    learned: int


def largest_batch(rows: Sequence[Row], batches: Sequence[Sequence[int]], packing: bool) -> Batch:
    """The largest number of tokens in any batch, and the largest number of learned tokens in any batch."""
    lengths = [len(row["input_ids"]) for row in rows]
    learned = [sum(label != IGNORED for label in row["labels"]) for row in rows]

    def read(batch: Sequence[int]) -> int:
        taken = [lengths[row] for row in batch]
        return sum(taken) if packing else len(taken) * max(taken)

    return Batch(max(map(read, batches)), max(sum(learned[row] for row in batch) for batch in batches))


def training_bytes(shape: Shape, training: Training, batch: Batch, bfloat16: bool, gpu: bool) -> int:
    """Bytes at the peak of a training step, which is at the end of the forward or of the backward pass."""
    adapter = training.adapter
    frozen = shape.embedding if training.freeze_embeddings else 0
    trained = adapter_weights(shape, adapter) if adapter else shape.weights - frozen
    held = _weight_bytes(shape, adapter) + MOMENTS * trained
    forward = held + activation_bytes(shape, training, batch, bfloat16, gpu)
    if training.gradient_accumulation > 1:
        forward += GRADIENT * trained
    # Tied embeddings get one gradient from the output layer and one from the input; both exist until they are added.
    both = GRADIENT * shape.embedding if shape.tied and not (adapter or frozen) else 0
    return max(forward, held + GRADIENT * trained + both)


def activation_bytes(shape: Shape, training: Training, batch: Batch, bfloat16: bool, gpu: bool) -> int:
    """Bytes that the forward pass keeps for the backward pass."""
    wide = 2 if bfloat16 else 4
    # On a GPU, the logits are computed for one part of the vocabulary at a time.
    logits = 0 if gpu else 2 * 4 * shape.vocabulary * batch.learned
    # The output of a normalisation is kept only if its weight is trained.
    norm = 4 if training.adapter else 8
    normed = norm * (shape.norms * shape.hidden + shape.query_norm * (shape.queries + shape.keys))
    products = wide * (2 * shape.hidden + 2 * shape.queries + 2 * shape.keys + 4 * shape.intermediate)
    if training.gradient_checkpointing:
        # Checkpointing keeps the input of each layer, and all activations of the layer that is being computed again.
        return logits + (4 * shape.hidden * shape.layers + normed + products) * batch.tokens
    copies = 2 * _linear_weights(shape) if bfloat16 else 0
    return logits + copies + (normed + products) * shape.layers * batch.tokens


def loading_bytes(shape: Shape, dtype: str | None) -> int:
    """Bytes of the weights in the type `dtype`, or in the stored type if `dtype` is None."""
    if dtype is None:
        return shape.stored_bytes
    return shape.weights * (4 if dtype == "float32" else 2)


def adapter_weights(shape: Shape, adapter: Adapter) -> int:
    sizes = [size for name, size in shape.linear.items() if _is_adapted(name, adapter)]
    direction = sum(out for _, out in sizes) if adapter.dora else 0
    return adapter.rank * sum(inputs + out for inputs, out in sizes) + direction


def _is_adapted(name: str, adapter: Adapter) -> bool:
    return not adapter.modules or name.rpartition(".")[2] in adapter.modules


def _weight_bytes(shape: Shape, adapter: Adapter | None) -> int:
    if adapter is None:
        return WEIGHT * shape.weights
    quantised = _linear_weights(shape) if adapter.four_bits else 0
    frozen = WEIGHT * (shape.weights - quantised) + round(FOUR_BITS * quantised)
    return frozen + WEIGHT * adapter_weights(shape, adapter)


def _linear_weights(shape: Shape) -> int:
    return sum(inputs * out for inputs, out in shape.linear.values())
