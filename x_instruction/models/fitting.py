"""Refuses a model or a training run that needs more memory than is free, before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from x_instruction.models.memory import Batch, loading_bytes, training_bytes
from x_instruction.models.precision import uses_bfloat16
from x_instruction.models.settings import Adapter, Training
from x_instruction.models.shape import shape_of
from x_instruction.runner.errors import InputError

GIB = 2**30
ADAPTER = Adapter(rank=16, alpha=32)


def refuse_too_large_a_model(folder: Path, dtype: str | None) -> None:
    """Raises InputError if the weights of the folder's model do not fit into the free main memory."""
    shape = shape_of(folder)
    if shape and (needed := loading_bytes(shape, dtype)) > (free := free_memory()):
        raise InputError(
            f"{folder}: its weights need about {needed / GIB:.1f} GiB of main memory, but {free / GIB:.1f} GiB are "
            "free: end other programs, or take a smaller model or a larger machine"
        )


def refuse_too_large_a_training(
    folder: Path, stored: str, training: Training, largest: Callable[[Training], Batch]
) -> None:
    """Raises InputError if the training of a folder's model needs more memory than is free.

    The message names settings with which the training would fit, if there are any. `stored` is the type of the model's
    weights. `largest` returns the largest batch with given settings.
    """
    import torch

    shape, gpu = shape_of(folder), torch.cuda.is_available()
    if shape is None:
        return

    def needed(changed: Training) -> int:
        return training_bytes(shape, changed, largest(changed), uses_bfloat16(changed, stored), gpu)

    free = free_gpu_memory() if gpu else free_memory()
    if (estimate := needed(training)) <= free:
        return
    fitting = {setting: size for setting, size in _sizes(training, gpu, needed).items() if size <= free}
    remedies = " or ".join(f"{setting} ({size / GIB:.1f} GiB)" for setting, size in fitting.items())
    raise InputError(
        f"this training of {folder} needs at least {estimate / GIB:.1f} GiB of memory, but the "
        f"{'GPU' if gpu else 'machine'} has {free / GIB:.1f} GiB free: "
        + (f"in its training section, set {remedies}" if remedies else "take a smaller model or a larger machine")
    )


def _sizes(training: Training, gpu: bool, needed: Callable[[Training], int]) -> dict[str, int]:
    """Maps each setting that saves memory, and all of them together, to the bytes that the training then needs."""
    ways: dict[str, dict[str, Any]] = {}
    if not training.gradient_checkpointing:
        ways["gradient_checkpointing: true"] = {"gradient_checkpointing": True}
    if training.batch_size > 1:
        accumulated = training.batch_size * training.gradient_accumulation
        ways[f"batch_size: 1 and gradient_accumulation: {accumulated}"] = {
            "batch_size": 1,
            "gradient_accumulation": accumulated,
        }
    if training.adapter is None:
        ways[f"adapter: {{ rank: {ADAPTER.rank}, alpha: {ADAPTER.alpha} }}"] = {"adapter": ADAPTER}
    if gpu and not (training.adapter and training.adapter.four_bits):
        quantised = (training.adapter or ADAPTER).model_copy(update={"four_bits": True})
        setting = f"adapter: {{ rank: {quantised.rank}, alpha: {quantised.alpha:g}, four_bits: true }}"
        ways[setting] = {"adapter": quantised}
    sizes = {setting: needed(training.model_copy(update=changes)) for setting, changes in ways.items()}
    if len(ways) > 1:
        together = {key: value for changes in ways.values() for key, value in changes.items()}
        # Two of the ways may set `adapter`. Then the later one counts, and only this one is named.
        kept = [setting for setting, changes in ways.items() if all(together[key] is changes[key] for key in changes)]
        sizes[", ".join(kept) + " together"] = needed(training.model_copy(update=together))
    return sizes


def free_memory() -> int:
    """Bytes of main memory and swap that are free or can be freed."""
    import psutil  # type: ignore[import-untyped]

    return int(psutil.virtual_memory().available + psutil.swap_memory().free)


def free_gpu_memory() -> int:
    """Bytes of the GPU that are free, or that torch has reserved but does not use."""
    import torch

    free, _ = torch.cuda.mem_get_info()
    return int(free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated())
