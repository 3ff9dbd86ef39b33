"""Adds low-rank adapters with PEFT: LoRA, DoRA, and QLoRA on a GPU."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from x_instruction.models.checkpoints import load_model
from x_instruction.models.settings import Adapter
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.files import read_json, write_json

FOLDER = "adapter"  # subfolder of the model's folder; it is not read when the model is loaded


def with_adapter(model: Any, adapter: Adapter) -> Any:
    """The model with an adapter; only the adapter is trained. Raises SettingsError for an unknown name in `modules`."""
    from peft import LoraConfig, get_peft_model

    known = linear_layers(model)
    if unknown := [name for name in adapter.modules if name not in known]:
        raise SettingsError(
            f"training.adapter.modules: {unknown[0]} is not a linear layer of this model; it has {', '.join(known)}"
        )
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules=list(adapter.modules or known),
        use_dora=adapter.dora,
    )
    return get_peft_model(model, config)


def linear_layers(model: Any) -> list[str]:
    """Names of the linear layers (the last part of each layer's path), without the output layer."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    layers = (name for name, module in model.named_modules() if isinstance(module, Linear | Conv1D) and module != head)
    return sorted({name.rsplit(".", 1)[-1] for name in layers})


def merged(model: Any, out: Path) -> Any:
    """Merges the adapter into the weights and returns the model. Saves the adapter in the subfolder FOLDER of `out`."""
    from peft import PeftModel

    base = model.get_base_model()
    start, quantised = Path(base.name_or_path), getattr(base, "is_quantized", False)
    model.save_pretrained(out / FOLDER, safe_serialization=True)
    (out / FOLDER / "README.md").unlink(missing_ok=True)
    # The path of the base model differs between machines. It is removed, so that equal adapters give equal files.
    config = out / FOLDER / "adapter_config.json"
    write_json(config, {**read_json(config), "base_model_name_or_path": ""})
    if quantised:
        # These weights are rounded to 4 bits, so the adapter is merged into weights that are loaded again in float32.
        model = PeftModel.from_pretrained(load_model(start, dtype="float32"), out / FOLDER)
    return model.merge_and_unload()


def refuse_four_bits_without_gpu() -> None:
    """Raises SettingsError if there is no CUDA GPU, or if bitsandbytes is not installed."""
    import torch

    if not torch.cuda.is_available():
        raise SettingsError("training.adapter.four_bits needs a CUDA GPU, and there is none: set it to false")
    if find_spec("bitsandbytes") is None:
        raise SettingsError(
            "training.adapter.four_bits needs the package bitsandbytes: install requirements-gpu.txt or set it to false"
        )
