"""Added layers change nothing until they learn, and are saved and loaded as the model's own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from stages.added_layers import add_layers
from stages.errors import SettingsError
from stages.fine_tuning import fine_tune
from stages.models import load_model
from stages.prompts import Example
from tests.conftest import ARCHITECTURE, TRAINING

PROMPT = torch.tensor([[40, 41, 42, 43]])


def test_a_model_says_the_same_with_them(tiny_model: Path) -> None:
    plain, grown = load_model(tiny_model).eval(), load_model(tiny_model).eval()
    add_layers(grown, 2, seed=1)
    with torch.no_grad():
        assert torch.equal(plain(PROMPT).logits, grown(PROMPT).logits)


def test_they_learn_and_are_part_of_the_saved_model(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    fine_tune(tiny_model, lessons, tmp_path, TRAINING, seed=1, added_layers=2)
    model = load_model(tmp_path)
    assert model.config.num_hidden_layers == len(model.model.layers) == ARCHITECTURE.layers + 2
    assert model.model.layers[-1].mlp.down_proj.weight.abs().sum() > 0
    # The cache of each layer is its own: what is generated is what is read at once.
    with torch.no_grad():
        whole = model.eval()(PROMPT).logits[0, -1]
        part = model(PROMPT[:, :3], use_cache=True)
        last = model(PROMPT[:, 3:], past_key_values=part.past_key_values).logits[0, -1]
    assert torch.allclose(whole, last, atol=1e-5)


def test_the_same_seed_adds_the_same(tiny_model: Path) -> None:
    models = [load_model(tiny_model) for _ in range(2)]
    for model in models:
        add_layers(model, 1, seed=4)
    one, other = (model.model.layers[-1].self_attn.q_proj.weight for model in models)
    assert torch.equal(one, other)


def test_a_model_of_other_layers_is_refused() -> None:
    model = SimpleNamespace(base_model=SimpleNamespace(), config=SimpleNamespace(model_type="gpt2"))
    with pytest.raises(SettingsError, match="gpt2"):
        add_layers(model, 1, seed=1)
