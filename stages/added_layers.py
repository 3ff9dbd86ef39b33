"""Layers put on top of a model that at first change nothing (block expansion: LLaMA Pro, Wu et al. 2024).

To tell a response of another instruction, an evaluator compares the instruction it would have written with the one it
met. A model that has learned to write instructions says what it would write in its last layer only: what compares has
to come after it.
"""

from __future__ import annotations

import copy
from typing import Any

from stages.errors import SettingsError

# Of the new weights, about that of a layer's inputs in a trained model this size.
SPREAD = 0.06


def add_layers(model: Any, number: int, seed: int) -> None:
    """Append layers with random weights whose output is zero until they learn."""
    import torch

    if not number:
        return
    torch.manual_seed(seed)
    layers = _layers(model)
    for _ in range(number):
        layer = copy.deepcopy(layers[-1])
        weights = [weight for weight in layer.parameters() if weight.dim() == 2]
        for weight in weights:
            torch.nn.init.normal_(weight, std=SPREAD)
        for last in (layer.self_attn.o_proj, layer.mlp.down_proj):
            torch.nn.init.zeros_(last.weight)
        layer.self_attn.layer_idx = len(layers)
        layers.append(layer)
    model.config.num_hidden_layers = len(layers)
    if kinds := getattr(model.config, "layer_types", None):
        model.config.layer_types = [*kinds, *[kinds[-1]] * number]


def _layers(model: Any) -> Any:
    layers = getattr(model.base_model, "layers", None)
    known = layers is not None and hasattr(layers[-1], "self_attn") and hasattr(layers[-1].self_attn, "o_proj")
    if not (known and hasattr(layers[-1], "mlp") and hasattr(layers[-1].mlp, "down_proj")):
        raise SettingsError(
            f"evaluator.added_layers: a {model.config.model_type} model has no layers like Llama's; set it to 0"
        )
    return layers
