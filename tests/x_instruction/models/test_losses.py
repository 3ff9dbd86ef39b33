"""The loss from the logits of completions alone equals that from all logits, with padding, packing and labels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from tests.conftest import TRAINING
from x_instruction.models.batches import IGNORED, packed, padded, rows_of
from x_instruction.models.checkpoints import load_model
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.losses import completion_loss

SHAPE = {"vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
EXAMPLES = [Example([3, 4, 5], [6, 7]), Example([8], [9, 10, 11, 12, 13, 14]), Example([15, 16, 17, 18, 19, 20], [21])]


def llama() -> PreTrainedModel:
    return LlamaForCausalLM(LlamaConfig(**SHAPE))


def gpt2() -> PreTrainedModel:
    return GPT2LMHeadModel(GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=2, n_positions=64))


def gemma2() -> PreTrainedModel:
    """A Gemma 2, which caps the logits after the output layer."""
    return Gemma2ForCausalLM(Gemma2Config(**SHAPE, num_key_value_heads=1, head_dim=16, final_logit_softcapping=3.0))


def gemma3() -> PreTrainedModel:
    """A Gemma 3, whose first layer sees only the last four tokens."""
    layers = ["sliding_attention", "full_attention"]
    return Gemma3ForCausalLM(
        Gemma3TextConfig(**SHAPE, num_key_value_heads=1, head_dim=16, sliding_window=4, layer_types=layers)
    )


@pytest.fixture(params=[llama, gpt2, gemma2, gemma3], ids=lambda make: make.__name__)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    torch.manual_seed(1)
    made: PreTrainedModel = request.param().eval()
    return made


def full_loss(model: PreTrainedModel, examples: list[Example]) -> torch.Tensor:
    """The summed loss from the logits of all positions, computed for one example at a time."""
    losses = []
    for example in examples:
        logits = model(torch.tensor([[*example.prompt, *example.completion]])).logits[0, :-1]
        learned = logits[len(example.prompt) - 1 :]
        losses.append(torch.nn.functional.cross_entropy(learned, torch.tensor(example.completion), reduction="sum"))
    return torch.stack(losses).sum()


def gradients(model: PreTrainedModel, loss: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


@pytest.mark.parametrize("batch", [lambda rows: padded(rows, 0), packed], ids=["padded", "packed"])
def test_loss_and_gradients_equal_the_full_computation(model: PreTrainedModel, batch: object) -> None:
    loss, tokens = completion_loss(model, batch(rows_of(EXAMPLES, 99)))  # type: ignore[operator]
    expected = full_loss(model, EXAMPLES)
    assert tokens == 9
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(gradients(model, loss), gradients(model, expected), atol=1e-5)


def test_packed_examples_do_not_see_each_other(model: PreTrainedModel) -> None:
    first, second = EXAMPLES[:2]
    alone = completion_loss(model, packed(rows_of([second], 99)))[0].item()
    both = completion_loss(model, packed(rows_of([first, second], 99)))[0].item()
    other = completion_loss(model, packed(rows_of([Example([30, 31, 32], [33]), second], 99)))[0].item()
    assert both - completion_loss(model, packed(rows_of([first], 99)))[0].item() == pytest.approx(alone, rel=1e-5)
    assert other != pytest.approx(both, rel=1e-3)


def test_the_first_token_of_a_row_is_never_learned() -> None:
    torch.manual_seed(1)
    rows = [{"input_ids": [5, 6, 7], "labels": [5, 6, 7]}] * 2
    for inputs in (padded(rows, 0), packed(rows)):
        assert completion_loss(llama().eval(), inputs)[1] == 4


def test_the_output_layer_reads_learned_positions_only(model: PreTrainedModel) -> None:
    read = []
    hook = model.get_output_embeddings().register_forward_hook(lambda _, __, output: read.append(output.shape[:-1]))
    completion_loss(model, padded(rows_of(EXAMPLES, 99), 0))
    hook.remove()
    assert read == [(1, 9)]
    assert model(torch.tensor([[1, 2, 3]])).logits.shape[1] == 3


LABELS = [70, 71, 72]
PROMPTS = {(40, 41, 42): 70, (43, 44): 72, (45, 46, 47, 48): 71}


def logprobs_after(folder: Path, prompt: tuple[int, ...]) -> torch.Tensor:
    """The log-probability of every token of the vocabulary as the next one after the prompt."""
    with torch.no_grad():
        return load_model(folder).eval()(torch.tensor([prompt])).logits[0, -1].float().log_softmax(-1)


def test_the_loss_over_labels_is_the_cross_entropy_among_them(tiny_model: Path) -> None:
    rows = rows_of([Example(list(prompt), [label]) for prompt, label in PROMPTS.items()], 99)
    loss, tokens = completion_loss(load_model(tiny_model).eval(), padded(rows, 0), LABELS)
    costs = [
        -logprobs_after(tiny_model, prompt)[LABELS].log_softmax(-1)[LABELS.index(label)].item()
        for prompt, label in PROMPTS.items()
    ]
    assert (loss.item(), tokens) == (pytest.approx(sum(costs), rel=1e-4), 3)
    assert all(label == IGNORED or label in LABELS for row in rows for label in row["labels"])


def test_learning_labels_does_not_raise_them_above_other_tokens(tiny_model: Path, tmp_path: Path) -> None:
    examples = [Example(list(prompt), [label]) for prompt, label in PROMPTS.items()]
    training = TRAINING.model_copy(update={"epochs": 60.0, "batch_size": 3})
    for name, labels in {"labels": LABELS, "vocabulary": None}.items():
        fine_tune(tiny_model, examples, tmp_path / name, training, seed=1, labels=labels)
    for prompt, label in PROMPTS.items():
        logprobs = {name: logprobs_after(tmp_path / name, prompt) for name in ("labels", "vocabulary")}
        assert all(LABELS[int(one[LABELS].argmax())] == label for one in logprobs.values())
        assert logprobs["vocabulary"].exp()[label] > 0.9
        assert logprobs["labels"].exp()[LABELS].sum() < 0.5
