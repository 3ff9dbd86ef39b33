"""Loads and saves models and tokenizers, with safetensors only: no remote code and no pickle is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from x_instruction.models.fitting import refuse_too_large_a_model
from x_instruction.models.generation_config import only_token_ids, token_ids_of
from x_instruction.models.refusals import model_reason, refuse_other_files, refuse_unfit_weights, tokenizer_reason
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json
from x_instruction.runner.published import refuse_damaged

# Arguments of `from_pretrained` that transformers writes into tokenizer_config.json. They are removed there.
LOADING_KEYS = ("is_local", "local_files_only")
CUSTOM_CODE = "auto_map"  # key of a config that names Python files, which a loader with `trust_remote_code` would run


def load_model(folder: Path, revision: str | None = None, dtype: str | None = None, four_bits: bool = False) -> Any:
    """Loads a causal language model from a folder or hub id. Raises InputError if the model cannot be used.

    `dtype` is the type of its weights, by default the stored type. `four_bits` quantises them, which needs a GPU.
    """
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    refuse_damaged(folder)
    refuse_other_files(folder)
    options: dict[str, Any] = {"dtype": dtype or "auto"}
    if not four_bits:
        refuse_too_large_a_model(folder, dtype)
    else:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype="bfloat16"
        )
    from safetensors import SafetensorError

    try:
        model, loaded = AutoModelForCausalLM.from_pretrained(
            folder,
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
            output_loading_info=True,
            # refuse_unfit_weights refuses weights of another shape with a better message, which names the weight.
            ignore_mismatched_sizes=True,
            # Only the token ids of a checkpoint's generation config are used, so no other value can stop the run.
            generation_config=token_ids_of(folder, revision),
            **options,
        )
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        raise InputError(f"{folder} is not a usable model with safetensors: {model_reason(folder, error)}") from None
    refuse_unfit_weights(folder, model, loaded)
    if getattr(model.config, "quantization_config", None) and not four_bits:
        raise InputError(f"{folder}: its weights are quantized: choose a checkpoint whose weights are not")
    return model


def load_tokenizer(folder: Path, revision: str | None = None) -> Any:
    """Loads the fast tokenizer of a folder or hub id. Raises InputError if the tokenizer cannot be used."""
    from transformers import AutoTokenizer

    refuse_damaged(folder, lambda name: not name.endswith(".safetensors"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision, use_fast=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} has no usable tokenizer: {tokenizer_reason(folder, error)}") from None
    # Long texts are cut after they are tokenized, so the warning about their length would be wrong.
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    return tokenizer


def context_length(folder: Path) -> int | None:
    """Context length in tokens of the model in a folder; None if its config does not give it."""
    path = folder / "config.json"
    config = read_json(path) if path.is_file() else {}
    # Models that also read images have the settings of the language model in `text_config`.
    length = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
    return int(length) if length else None


def stored_dtype(folder: Path) -> str:
    """Type of the stored weights of the model in a folder, such as bfloat16; float32 if its config does not give it."""
    path = folder / "config.json"
    config = read_json(path) if path.is_file() else {}
    return str(config.get("dtype") or config.get("torch_dtype") or "float32").removeprefix("torch.")


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Saves model and tokenizer, without names of custom code and without LOADING_KEYS.

    Of the generation config, only the token ids are saved.
    """
    model.generation_config = only_token_ids(model.generation_config.to_dict())
    for config in (model.config, model.config.get_text_config(), model.generation_config):
        if hasattr(config, CUSTOM_CODE):
            delattr(config, CUSTOM_CODE)
    model.save_pretrained(folder, safe_serialization=True)
    for key in (*LOADING_KEYS, CUSTOM_CODE):
        tokenizer.init_kwargs.pop(key, None)
    tokenizer.save_pretrained(folder)
