"""Reading a prompt once for several completions does not change their likelihoods."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
import torch
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedModel,
    RecurrentGemmaConfig,
    RecurrentGemmaForCausalLM,
)

from stages.params import Settings
from tests.x_instruction.generation.test_scoring import VOCABULARY, gpt2, llama
from x_instruction.generation import shared_prompts
from x_instruction.generation.scoring import Reader
from x_instruction.generation.shared_prompts import Group, PromptSharing
from x_instruction.generation.transformers_engine import TransformersEngine

GROUPS: list[Group] = [
    ([3, 4, 5, 6, 7, 8, 9], [[5, 6, 7], [8], [9, 10, 11, 12, 13]]),
    ([3, 4], [[5, 6]]),
    ([6], [[7], [8]]),
    ([3, 4, 5], [[1, 2, 3, 4, 5, 6]]),
]


def gemma() -> PreTrainedModel:
    """A model with a layer that sees only the last four tokens, fewer than a prompt and its completion have."""
    torch.manual_seed(1)
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    heads = {"num_key_value_heads": 1, "head_dim": 16, "sliding_window": 4}
    kinds = ["sliding_attention", "full_attention"]
    return Gemma3ForCausalLM(Gemma3TextConfig(vocab_size=VOCABULARY, layer_types=kinds, **shape, **heads)).eval()


@pytest.fixture
def small_models_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_prompts, "LEAST_WEIGHTS", 0)
    monkeypatch.setattr(shared_prompts, "PASS_TOKENS", 0)


def mamba() -> PreTrainedModel:
    """A model whose layers keep a recurrent state instead of keys and values."""
    torch.manual_seed(1)
    shape = {"hidden_size": 16, "state_size": 4, "num_hidden_layers": 1}
    return MambaForCausalLM(MambaConfig(vocab_size=VOCABULARY, **shape)).eval()


def recurrent_gemma() -> PreTrainedModel:
    """A model that returns no cache, although its layers look like attention with a window."""
    torch.manual_seed(1)
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 2}
    heads = {"num_key_value_heads": 1, "lru_width": 32, "attention_window_size": 8}
    return RecurrentGemmaForCausalLM(RecurrentGemmaConfig(vocab_size=VOCABULARY, **shape, **heads)).eval()


@pytest.mark.parametrize("model", [llama, gpt2, gemma, mamba, recurrent_gemma])
@pytest.mark.parametrize("logits", [2**27, 12 * VOCABULARY, 1])
def test_likelihoods_after_a_shared_prompt_are_those_of_each_pair(model: type, logits: int) -> None:
    reader = Reader(model(), pad=0)
    alone = [[reader.likelihoods([(prompt, one)])[0] for one in completions] for prompt, completions in GROUPS]
    reader.most_logits = logits
    together = PromptSharing(reader).likelihoods(GROUPS)
    assert [len(values) for values in together] == [3, 1, 2, 1]
    assert list(chain.from_iterable(together)) == pytest.approx(list(chain.from_iterable(alone)), abs=1e-5)


def test_the_tokens_of_a_shared_prompt_are_read_once() -> None:
    reader, read = Reader(llama(), pad=0), []
    reader.model.model.embed_tokens.register_forward_hook(lambda _, inputs, output: read.append(output.shape[:2]))
    PromptSharing(reader).likelihoods(GROUPS[:1])
    assert read == [(1, 7), (3, 4)]  # the prompt; the completions without their last tokens


def test_few_keys_and_values_are_kept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_prompts, "KEPT_TOKENS", 25)  # two rows of a prompt of 7 tokens and completions of 5
    reader, rows = Reader(llama(), pad=0), []
    reader.model.model.embed_tokens.register_forward_hook(lambda _, inputs, output: rows.append(output.shape[0]))
    PromptSharing(reader).likelihoods(GROUPS[:1])
    assert rows == [1, 2, 1]


def test_only_large_models_share_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts, completions = [[1, 2, 3]] * 3, [[4], [5], [6]]
    assert PromptSharing(Reader(llama(), pad=0)).groups(prompts, completions)[0] == [[0], [1], [2]]
    monkeypatch.setattr(shared_prompts, "LEAST_WEIGHTS", 0)
    assert PromptSharing(Reader(llama(), pad=0)).groups(prompts, completions)[0] == [[0], [1], [2]]
    # Sharing needs another pass, which reads all weights, so it must save more than 40 tokens.
    long = [[1, 2, 3] * 20] * 3
    assert PromptSharing(Reader(llama(), pad=0)).groups(long, completions)[0] == [[0, 1, 2]]


def test_a_model_whose_positions_depend_on_the_length_does_not_share(small_models_share: None) -> None:
    model = llama()
    assert PromptSharing(Reader(model, pad=0)).possible
    model.config.rope_parameters = {"rope_type": "longrope"}
    assert not PromptSharing(Reader(model, pad=0)).possible


def test_equal_prompts_are_found_wherever_they_are(small_models_share: None) -> None:
    prompts = [[1, 2], [3], (1, 2), [3, 1], [3]]
    places, groups = PromptSharing(Reader(llama(), pad=0)).groups(prompts, [[4], [5], [6], [7], [8]])
    assert places == [[0, 2], [1, 4], [3]]
    assert groups == [([1, 2], [[4], [6]]), ([3], [[5], [8]]), ([3, 1], [[7]])]


def test_the_engine_returns_likelihoods_in_the_order_of_the_pairs(
    taught_model: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = TransformersEngine(taught_model, settings.text_generation, seed=1)
    texts = [
        ("eins", "zwei"),
        ("kissa", "istuu"),
        ("eins", "drei vier"),
        ("na", "na"),
        ("kissa", "na na na"),
        ("e", "i"),
    ]
    prompts, completions = ([engine.tokenizer(text)["input_ids"] for text in side] for side in zip(*texts, strict=True))
    apart = engine.likelihood(prompts, completions)
    monkeypatch.setattr(engine.sharing, "possible", True)
    monkeypatch.setattr(engine.sharing, "least_saved", 0)
    assert engine.likelihood(prompts, completions) == pytest.approx(apart, abs=1e-5)
    assert len(set(apart)) == len(texts)
