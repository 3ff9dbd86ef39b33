"""Explains why a checkpoint cannot be used, in our words if those of the library are misleading or too long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from x_instruction.runner.errors import InputError, in_one_line
from x_instruction.runner.files import read_json

INDEX = "model.safetensors.index.json"


def model_reason(folder: Path, error: Exception) -> str:
    """What is wrong with the model of a folder or hub id; `error` was raised when it was loaded."""
    text = str(error)
    if "trust_remote_code" in text:
        return "it needs custom code, which is never run: take an architecture that transformers has"
    if "Unrecognized configuration class" in text:
        kind = getattr(_config(folder), "model_type", "its architecture")
        return f"{kind} is not a causal language model: take a decoder such as Gemma, Llama or Qwen"
    if isinstance(error, ImportError):
        return f"its weights are quantized ({in_one_line(error)}): choose a checkpoint whose weights are not"
    if pickles := sorted(folder.glob("*.bin")):
        return f"{pickles[0].name} is a pickle, which could run code: convert the model to safetensors"
    return in_one_line(error)


def refuse_other_files(folder: Path) -> None:
    """Raises InputError if the folder's index of weights names a file that is not a safetensors file of the folder.

    transformers follows the index even if it is asked for safetensors only.
    """
    index = folder / INDEX
    if not index.is_file():
        return
    try:
        names = {str(name) for name in read_json(index)["weight_map"].values()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{index} is not a list of weights: take the file that belongs to the model") from None
    for name in sorted(names):
        if Path(name).name != name or Path(name).suffix != ".safetensors":
            raise InputError(
                f"{index} names {name}, which is not a safetensors file of this folder: convert the model to "
                "safetensors"
            )


def refuse_unfit_weights(folder: Path, model: Any, loaded: dict[str, Any]) -> None:
    """Raises InputError unless the files have exactly the weights of the model, and all of them are finite numbers.

    `loaded` is what transformers reports about the loading. transformers takes random numbers for weights that are
    missing or have another shape, and leaves out weights that the model does not have.
    """
    if missing := sorted(loaded["missing_keys"]):
        raise InputError(f"{folder} is not a usable model: weights are missing in it, such as {missing[0]}")
    if unfit := sorted(loaded["mismatched_keys"]):
        name, stored, expected = unfit[0]
        raise InputError(
            f"{folder} is not a usable model: {name} has the shape {tuple(stored)}, but config.json asks for "
            f"{tuple(expected)}"
        )
    if unexpected := sorted(loaded["unexpected_keys"]):
        raise InputError(
            f"{folder} is not a usable model: it has {len(unexpected)} weights that the architecture of config.json "
            f"does not have, such as {unexpected[0]}: take the config.json that belongs to the weights"
        )
    if errors := loaded.get("error_msgs"):
        raise InputError(f"{folder} is not a usable model: {in_one_line(Exception(errors[0]))}")
    _refuse_not_finite(folder, model)


def _refuse_not_finite(folder: Path, model: Any) -> None:
    import torch

    for name, weight in model.named_parameters():
        if not weight.is_floating_point() or not weight.numel() or weight.is_meta:
            continue
        # If any number is NaN, so are the smallest and the largest. Computing these two takes no additional memory,
        # but `isfinite` of all numbers does.
        if not torch.stack(weight.detach().aminmax()).isfinite().all():
            raise InputError(
                f"{folder} is not a usable model: {name} has numbers that are not finite (NaN or infinity): take "
                "another version of the checkpoint"
            )


def tokenizer_reason(folder: Path, error: Exception) -> str:
    """What is wrong with the tokenizer of a folder or hub id; `error` was raised when it was loaded."""
    if folder.is_dir() and not list(folder.glob("tokenizer*")):
        return "there is no tokenizer.json in it: add the tokenizer that belongs to the model"
    if "trust_remote_code" in str(error):
        return "it needs custom code, which is never run"
    return in_one_line(error)


def _config(folder: Path) -> object:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, trust_remote_code=False)
