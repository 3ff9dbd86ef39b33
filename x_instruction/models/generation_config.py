"""Writes the generation config of a model: what ends a text, and how a published model samples by default.

Only the token ids of the checkpoint's generation config are kept, because old chat models suggest values that
transformers refuses to save.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from x_instruction.models.checkpoint_files import json_of

FILE = "generation_config.json"
TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")


def only_token_ids(values: Mapping[str, Any]) -> Any:
    """A GenerationConfig that keeps only the token ids among the values."""
    from transformers import GenerationConfig

    return GenerationConfig(**{name: values[name] for name in TOKEN_IDS if _are_ids(values.get(name))})


def _are_ids(value: object) -> bool:
    ids = value if isinstance(value, list) else [value]
    return bool(ids) and all(isinstance(token, int) and not isinstance(token, bool) and token >= 0 for token in ids)


def token_ids_of(folder: Path, revision: str | None) -> Any:
    """The token ids in the generation config of a folder or hub id. Ids that it lacks come from config.json."""
    values: dict[str, Any] = {}
    for name in ("config.json", FILE):
        values |= {key: value for key, value in json_of(folder, name, revision).items() if _are_ids(value)}
    return only_token_ids(values)


def write_generation_config(folder: Path, tokenizer: Any, stop: Sequence[int], decoding: Mapping[str, Any]) -> None:
    """Writes the default decoding of a published model; `stop` are the tokens that end a text.

    `decoding` has the settings of the section `decoding`; without them, a model generates greedily. Only settings that
    mean the same in transformers and in vLLM are written. vLLM would not read `no_repeat_ngram` and `stop_strings` from
    this file, and transformers would apply the n-gram rule to the prompt, too.
    """
    from transformers import GenerationConfig

    eos, pads = tokenizer.eos_token_id, (tokenizer.pad_token_id, tokenizer.eos_token_id, *stop)
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=list(dict.fromkeys([*stop, *([] if eos is None else [eos])])) or None,
        pad_token_id=next((token for token in pads if token is not None), None),
        **_sampling(decoding),
    ).save_pretrained(folder)


def _sampling(decoding: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: decoding[name] for name in ("max_new_tokens", "repetition_penalty") if name in decoding}
    if not decoding.get("temperature"):
        return {**values, "do_sample": False}
    # Without `top_k`, transformers samples from the 50 likeliest tokens.
    chosen = {"temperature": decoding["temperature"], "top_p": decoding["top_p"], "top_k": 0}
    return {**values, "do_sample": True, **chosen}
