"""Loads a GGUF file as a model: its quantised weights become plain weights, which can be trained and saved."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from x_instruction.models.refusals import refuse_unfit_weights
from x_instruction.runner.errors import InputError, in_one_line


def load_gguf(path: Path) -> tuple[Any, Any]:
    """The model and the tokenizer of a GGUF file. Raises InputError if the file cannot be used.

    The weights become bfloat16, which is coarser than the float16 or float32 of some files.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    options: dict[str, Any] = {"gguf_file": path.name, "trust_remote_code": False}
    try:
        adds_begin = adds_begin_token(path)
        loaded, info = AutoModelForCausalLM.from_pretrained(
            path.parent,
            dtype="bfloat16",
            quantization_config=GgufConfig(dequantize=True),
            output_loading_info=True,
            **options,
        )
        tokenizer = AutoTokenizer.from_pretrained(path.parent, use_fast=True, **options)
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise InputError(f"{path} is not a usable GGUF file: {in_one_line(error)}") from None
    refuse_unfit_weights(path, loaded, info)
    if adds_begin:
        begin_texts(tokenizer)
    return _plain(loaded), tokenizer


def adds_begin_token(path: Path) -> bool:
    """Whether texts begin with the BOS token. If the file does not say, True for a SentencePiece vocabulary."""
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    if "tokenizer.ggml.add_bos_token" in fields:
        return bool(fields["tokenizer.ggml.add_bos_token"].contents())
    return fields["tokenizer.ggml.model"].contents() == "llama"


def license_fields(path: Path) -> dict[str, Any]:
    """What the file says about its licence, under the names that the front matter of a model card has."""
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    keys = {
        "license": "general.license",
        "license_name": "general.license.name",
        "license_link": "general.license.link",
    }
    return {name: fields[key].contents() for name, key in keys.items() if key in fields}


def begin_texts(tokenizer: Any) -> None:
    """Makes the tokenizer begin each text with its BOS token: transformers does not read this from a GGUF file."""
    from tokenizers.processors import TemplateProcessing

    begin = tokenizer.bos_token
    if begin is not None and tokenizer.bos_token_id not in tokenizer("")["input_ids"]:
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{begin} $A", pair=f"{begin} $A {begin} $B:1", special_tokens=[(begin, tokenizer.bos_token_id)]
        )


def _plain(loaded: Any) -> Any:
    """The model without `quantization_config` in its config; with it, transformers would not save the model."""
    config = copy.deepcopy(loaded.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = type(loaded)(config).to(loaded.dtype)
    model.load_state_dict(loaded.state_dict())
    model.tie_weights()
    return model
