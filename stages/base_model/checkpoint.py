"""Loads a checkpoint that was made elsewhere: a folder, a GGUF file, or a hub id with a commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.base_model.settings import BaseModelSettings
from x_instruction.models.checkpoints import load_model, load_tokenizer
from x_instruction.models.gguf_file import load_gguf
from x_instruction.runner.errors import InputError
from x_instruction.runner.published import refuse_damaged_copy


def load_checkpoint(settings: BaseModelSettings, root: Path) -> tuple[Any, Any]:
    """The model and the tokenizer. Raises InputError if they do not exist or cannot be used."""
    path = root / settings.checkpoint
    if path.suffix == ".gguf":
        if not path.is_file():
            raise InputError(f"base_model.checkpoint: there is no file {path}")
        model, tokenizer = load_gguf(path)
    else:
        if path.is_dir():
            refuse_damaged_copy(path)
        elif settings.revision is None:
            raise InputError(
                f"base_model.checkpoint: {settings.checkpoint} is not a folder here; if it is a hub id, set "
                "base_model.revision to a commit, so that the model cannot change"
            )
        name = path if path.is_dir() else Path(settings.checkpoint)
        model, tokenizer = load_model(name, settings.revision), load_tokenizer(name, settings.revision)
    _refuse_unusable(model, tokenizer, settings.checkpoint)
    return model, tokenizer


def _refuse_unusable(model: Any, tokenizer: Any, name: str) -> None:
    vocabulary = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > vocabulary:
        raise InputError(
            f"base_model.checkpoint: the tokenizer of {name} has {len(tokenizer)} tokens, but its model has only "
            f"{vocabulary}: take the tokenizer that belongs to the model"
        )
    if not _is_causal(model):
        raise InputError(
            f"base_model.checkpoint: {name} is not a causal language model, because later tokens change its earlier "
            "predictions: take a decoder such as Gemma, Llama or Qwen"
        )


def _is_causal(model: Any) -> bool:
    """Whether the predictions before the last token stay the same if the last token changes."""
    import torch

    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 7, 9]])
    with torch.inference_mode():
        first, second = model.eval()(ids).logits.float()
    differences = (first - second).abs().amax(-1)
    return bool(differences[:3].max() <= 1e-3 * differences[3])
