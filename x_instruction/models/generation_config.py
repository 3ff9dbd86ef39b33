"""The generation config of a model: what ends a text, and how a published model samples by default.

Of a checkpoint's own, only the token ids are kept. Old chat models suggest values that transformers refuses to save.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

FILE = "generation_config.json"
TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")


def only_token_ids(values: Mapping[str, Any]) -> Any:
    """A GenerationConfig with the token ids among the values, and nothing else."""
    from transformers import GenerationConfig

    return GenerationConfig(**{name: values[name] for name in TOKEN_IDS if _are_ids(values.get(name))})


def _are_ids(value: object) -> bool:
    ids = value if isinstance(value, list) else [value]
    return bool(ids) and all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in ids)


def token_ids_of(folder: Path, revision: str | None) -> Any:
    """The token ids that the generation config of a folder or hub id names, or its config if it names none."""
    values: dict[str, Any] = {}
    for name in ("config.json", FILE):
        values |= {key: value for key, value in _read(folder, name, revision).items() if _are_ids(value)}
    return only_token_ids(values)


def _read(folder: Path, name: str, revision: str | None) -> dict[str, Any]:
    """The values of a JSON file; empty if there is none, or none that can be read."""
    from transformers.utils import cached_file

    with suppress(OSError, ValueError):
        found = cached_file(str(folder), name, revision=revision, _raise_exceptions_for_missing_entries=False)
        values = json.loads(Path(found).read_text(encoding="utf-8")) if found else {}
        return values if isinstance(values, dict) else {}
    return {}


def write_generation_config(folder: Path, tokenizer: Any, stop: Sequence[int], sampling: Mapping[str, Any]) -> None:
    """Write how a published model generates unless the user says otherwise; see `Decoding.as_generation_config`."""
    from transformers import GenerationConfig

    eos, pads = tokenizer.eos_token_id, (tokenizer.pad_token_id, tokenizer.eos_token_id, *stop)
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=list(dict.fromkeys([*stop, *([] if eos is None else [eos])])) or None,
        pad_token_id=next((token for token in pads if token is not None), None),
        **sampling,
    ).save_pretrained(folder)
