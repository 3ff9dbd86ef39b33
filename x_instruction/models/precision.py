"""Decides the number types of weights and matrix products; weights are always trained in float32."""

from __future__ import annotations

from typing import Any

from x_instruction.models.settings import Training


def has_bfloat16() -> bool:
    """Whether the GPU or, without a GPU, the CPU (AVX512-BF16 or AMX) can multiply in bfloat16."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def inference_dtype() -> str | None:
    """The type in which a model is loaded for use: float32 if `has_bfloat16` is false, otherwise None (as stored)."""
    return None if has_bfloat16() else "float32"


def uses_bfloat16(training: Training, stored: str) -> bool:
    """Whether the training computes in bfloat16. `stored` is the type of the weights before training."""
    if training.precision == "auto":
        # On a CPU without bfloat16 instructions, autocast is many times slower than float32.
        return stored != "float32" and has_bfloat16()
    return training.precision == "bfloat16"


def saved_dtype(training: Training, stored: str) -> Any:
    """The torch type of the saved weights."""
    import torch

    return getattr(torch, stored if training.save_dtype == "as_base" else training.save_dtype)
