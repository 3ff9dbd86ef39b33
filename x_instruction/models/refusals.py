"""Why a checkpoint cannot be used, in words of ours where those of the libraries lead astray or are too long."""

from __future__ import annotations

from pathlib import Path


def model_reason(folder: Path, error: Exception) -> str:
    """What is wrong with the model of a folder or hub id whose loading ended with the error."""
    text = str(error)
    if "trust_remote_code" in text:
        return "it needs custom code, which is never run: take an architecture that transformers has"
    if "Unrecognized configuration class" in text:
        kind = getattr(_config(folder), "model_type", "its architecture")
        return f"{kind} is not a causal language model: take a decoder such as Gemma, Llama or Qwen"
    if isinstance(error, ImportError):
        return f"its weights are quantised ({reason(error)}): take the checkpoint with plain weights"
    if pickles := sorted(folder.glob("*.bin")):
        return f"{pickles[0].name} is a pickle, which could run code: convert the model to safetensors"
    return reason(error)


def tokenizer_reason(folder: Path, error: Exception) -> str:
    """The same for a tokenizer."""
    if folder.is_dir() and not list(folder.glob("tokenizer*")):
        return "there is no tokenizer.json in it: add the tokenizer that belongs to the model"
    if "trust_remote_code" in str(error):
        return "it needs custom code, which is never run"
    return reason(error)


def reason(error: Exception) -> str:
    """The message of an error in one line of bounded length."""
    return " ".join(str(error).split())[:300]


def _config(folder: Path) -> object:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, trust_remote_code=False)
