"""Padding does not change the probabilities of given texts, and batches have a limited size."""

from __future__ import annotations

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from x_instruction.generation.scoring import Reader, by_length

VOCABULARY = 50


def llama() -> PreTrainedModel:
    torch.manual_seed(1)
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, **shape)).eval()


def gpt2() -> PreTrainedModel:
    """A model with learned position embeddings, for which left padding would move the text."""
    torch.manual_seed(1)
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=2, n_positions=64)).eval()


TEXTS = [[3, 4, 5], [6], [7, 8, 9, 10, 11, 12, 13], [3, 4, 5, 6, 7]]
PAIRS = [([3, 4], [5]), ([6], [7, 8, 9, 10]), ([7, 8, 9, 10, 11, 12], [13, 14]), ([1], [2])]


@pytest.mark.parametrize("model", [llama, gpt2])
@pytest.mark.parametrize("logits", [2**27, 2 * VOCABULARY, 1])
def test_a_text_has_the_same_probabilities_alone_and_in_a_batch(model: type, logits: int) -> None:
    reader = Reader(model(), pad=0)
    reader.most_logits = logits
    together = reader.shares(TEXTS, [3, 7, 9])
    for row, text in zip(together, TEXTS, strict=True):
        alone = torch.softmax(reader.model(torch.tensor([text])).logits[0, -1, [3, 7, 9]], dim=-1).tolist()
        assert row == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("model", [llama, gpt2])
@pytest.mark.parametrize("logits", [2**27, 2 * 4 * VOCABULARY, 1])
def test_likelihoods_equal_those_of_a_full_forward_pass(model: type, logits: int) -> None:
    reader = Reader(model(), pad=0)
    reader.most_logits = logits
    for likelihood, (prompt, completion) in zip(reader.likelihoods(PAIRS), PAIRS, strict=True):
        logits = reader.model(torch.tensor([[*prompt, *completion]])).logits[0, :-1]
        logprobs = torch.log_softmax(logits, dim=-1)
        each = [logprobs[len(prompt) - 1 + place, token].item() for place, token in enumerate(completion)]
        assert likelihood == pytest.approx(sum(each) / len(each), abs=1e-5)


def test_batches_are_limited_by_rows_and_tokens_and_keep_the_order() -> None:
    batches: list[list[list[int]]] = []

    def work(batch: list[list[int]]) -> list[int]:
        batches.append(batch)
        return [len(one) for one in batch]

    items = [[0] * length for length in (2, 9, 3, 30, 1, 9, 9, 2)]
    assert by_length(items, 3, work, len, most_tokens=18) == [2, 9, 3, 30, 1, 9, 9, 2]
    assert [[len(one) for one in batch] for batch in batches] == [[30], [9, 9], [9, 3], [2, 2, 1]]
    batches.clear()
    by_length(items, 3, work, len)
    assert [len(batch) for batch in batches] == [3, 3, 2]


def test_the_output_layer_reads_only_the_requested_positions() -> None:
    reader, read = Reader(llama(), pad=0), []
    reader.model.lm_head.register_forward_hook(lambda _, inputs, output: read.append(output.shape[:-1].numel()))
    reader.likelihoods(PAIRS)
    reader.shares(TEXTS, [3, 7, 9])
    assert read == [sum(len(completion) for _, completion in PAIRS), len(TEXTS)]
