"""Reads the sizes of a model from its config.json and the headers of its safetensors, without loading its weights."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from x_instruction.runner.files import read_json

IN_LAYER = re.compile(r"\.\d+\.")
BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}  # other types count as one byte
# GPT-2's config does not give the width of its feed-forward layers, which is four times that of the hidden state.
WIDENING = 4


@dataclass(frozen=True)
class Shape:
    """The sizes of a model: numbers of weights, and widths of a layer. An unknown number is 0."""

    weights: int
    stored_bytes: int
    embedding: int
    """Number of weights of the input embeddings."""
    tied: bool
    """Whether the output layer shares the input embeddings."""
    linear: Mapping[str, tuple[int, int]]
    """Numbers of inputs and outputs of each linear layer except the output layer."""
    vocabulary: int
    layers: int
    hidden: int
    intermediate: int
    queries: int
    """Width of the queries of all heads together; `keys` is the width of the keys, and also of the values."""
    keys: int
    norms: int
    """Number of normalisations of the hidden state in each layer."""
    query_norm: bool
    """Whether queries and keys are normalised, too."""


def shape_of(folder: Path) -> Shape | None:
    """The shape of the model in a folder; None if config.json or the safetensors are missing or unusable."""
    from transformers import AutoConfig

    files = _weight_files(folder)
    if not files or not (folder / "config.json").is_file():
        return None
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False).get_text_config()
        tensors = {name: entry for file in files for name, entry in _header(file).items()}
    except Exception:  # an unusable model is reported when it is loaded
        return None
    return shape_from(config, {name: tuple(entry["shape"]) for name, entry in tensors.items()}, _stored(tensors))


def shape_from(config: Any, sizes: Mapping[str, tuple[int, ...]], stored_bytes: int = 0) -> Shape:
    """The shape of a model with this config. `sizes` maps the names of its weights to their shapes."""
    vocabulary, hidden = _number(config, "vocab_size"), _number(config, "hidden_size")
    heads = _number(config, "num_attention_heads")
    width = _number(config, "head_dim") or hidden // max(1, heads)
    tables = [size for size in sizes.values() if len(size) == 2 and vocabulary in size]
    inner = [name for name, size in sizes.items() if len(size) == 1 and IN_LAYER.search(name)]
    layers = _number(config, "num_hidden_layers")
    norms = [name for name in inner if re.search(r"(norm|ln_\d)\.weight$", name) and sizes[name] == (hidden,)]
    return Shape(
        weights=sum(map(math.prod, sizes.values())),
        stored_bytes=stored_bytes,
        embedding=math.prod(tables[0]) if tables else 0,
        tied=len(tables) == 1,
        linear={
            name.removesuffix(".weight"): (size[1], size[0])
            for name, size in sizes.items()
            if len(size) == 2 and IN_LAYER.search(name)
        },
        vocabulary=vocabulary,
        layers=layers,
        hidden=hidden,
        intermediate=_number(config, "intermediate_size") or WIDENING * hidden,
        queries=heads * width,
        keys=(_number(config, "num_key_value_heads") or heads) * width,
        norms=len(norms) // max(1, layers),
        query_norm=any(name.endswith("q_norm.weight") for name in inner),
    )


def _weight_files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    # A folder may contain the weights a second time in another layout, which transformers does not load.
    names = set(read_json(index)["weight_map"].values()) if index.is_file() else {"model.safetensors"}
    return [folder / name for name in sorted(names) if (folder / name).is_file()]


def _header(file: Path) -> dict[str, Any]:
    """Type and shape of each tensor of a safetensors file."""
    from safetensors import safe_open

    with safe_open(file, framework="np") as opened:
        slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
        return {name: {"shape": part.get_shape(), "dtype": part.get_dtype()} for name, part in slices.items()}


def _stored(tensors: Mapping[str, Any]) -> int:
    return sum(math.prod(entry["shape"]) * BYTES.get(entry["dtype"], 1) for entry in tensors.values())


def _number(config: Any, name: str) -> int:
    value = getattr(config, name, None)
    return value if isinstance(value, int) else 0
