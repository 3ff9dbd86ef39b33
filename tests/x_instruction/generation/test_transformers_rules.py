"""`TopP` keeps the tokens that the top-p rule of transformers keeps, so the engine draws the same texts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig, TopPLogitsWarper

from stages.params import Settings
from x_instruction.generation.interface import Sampling
from x_instruction.generation.transformers_engine import TransformersEngine
from x_instruction.generation.transformers_rules import TopP

NO_TOKENS = torch.empty(4, 0, dtype=torch.long)


def scores(spread: float, vocabulary: int = 20_000) -> torch.Tensor:
    return torch.randn(4, vocabulary, generator=torch.Generator().manual_seed(3)) * spread


@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("spread", [0.0, 1.0, 4.0, 8.0])  # from equally likely tokens to a few likely ones
def test_top_p_keeps_the_tokens_that_a_full_sort_keeps(spread: float, top_p: float) -> None:
    given = scores(spread)
    ours, theirs = TopP(top_p)(NO_TOKENS, given), TopPLogitsWarper(top_p)(NO_TOKENS, given)
    assert ours.isfinite().any(dim=1).all() and torch.equal(ours, theirs)


def test_a_vocabulary_below_the_number_of_sorted_tokens_is_sorted_whole() -> None:
    given = scores(1.0, vocabulary=60)
    assert torch.equal(TopP(0.9)(NO_TOKENS, given), TopPLogitsWarper(0.9)(NO_TOKENS, given))


def test_only_flat_scores_are_sorted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sorted_whole = []
    rule = TopP(0.9)
    monkeypatch.setattr(rule, "sort_all", lambda _, given: sorted_whole.append(given.shape) or given)
    rule(NO_TOKENS, scores(8.0))
    assert not sorted_whole
    rule(NO_TOKENS, scores(0.5))
    assert sorted_whole == [(4, 20_000)]


def test_each_text_is_sorted_by_its_own_scores() -> None:
    given = torch.cat([scores(8.0)[:2], scores(0.5)[:2]])
    assert torch.equal(TopP(0.9)(NO_TOKENS, given), TopPLogitsWarper(0.9)(NO_TOKENS, given))


def test_excluded_tokens_stay_excluded() -> None:
    given = scores(2.0)
    given[:, ::2] = -torch.inf
    kept = TopP(0.9)(NO_TOKENS, given)
    assert not kept[:, ::2].isfinite().any() and kept.isfinite().any(dim=1).all()


@pytest.mark.parametrize("top_p", [0.5, 1.0])
def test_the_engine_draws_the_texts_that_transformers_draws(
    taught_model: Path, settings: Settings, top_p: float
) -> None:
    engine = TransformersEngine(taught_model, settings.text_generation, seed=1)
    prompts = [engine.tokenizer(text)["input_ids"] for text in ("eins zwei", "kissa istui", "na na")]
    found = engine.generate(prompts, Sampling(1.5, top_p, 12, (10**6,), seed=5))
    torch.manual_seed(5)
    order = sorted(range(3), key=lambda number: (-len(prompts[number]), number))
    inputs = engine._padded([prompts[number] for number in order])
    engine.model.generation_config = GenerationConfig()
    drawn = engine.model.generate(
        **inputs, do_sample=True, temperature=1.5, top_p=top_p, top_k=0, max_new_tokens=12, pad_token_id=engine.pad,
        eos_token_id=[10**6],
    )  # fmt: skip
    texts = engine.tokenizer.batch_decode(drawn[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert [found[number].text for number in order] == [text.strip() for text in texts]
