"""The loss over labels is the cross-entropy among them at their positions, and a model learns by it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.conftest import TRAINING
from x_instruction.models.checkpoints import load_model
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import IGNORED, fine_tune
from x_instruction.models.label_loss import _label_loss

LABELS = [70, 71, 72]
PROMPTS = {(40, 41, 42): 70, (43, 44): 72, (45, 46, 47, 48): 71}


def likelihoods(folder: Path, prompt: tuple[int, ...]) -> torch.Tensor:
    """Log-probabilities of every token after the prompt."""
    with torch.no_grad():
        return load_model(folder).eval()(torch.tensor([prompt])).logits[0, -1].float().log_softmax(-1)


def test_the_loss_is_the_cross_entropy_among_the_labels(tiny_model: Path) -> None:
    longest = max(map(len, PROMPTS)) + 1
    ids, truth = torch.zeros(3, longest, dtype=torch.long), torch.full((3, longest), IGNORED)
    mask, costs = torch.zeros_like(ids), []
    for row, (prompt, label) in enumerate(PROMPTS.items()):
        ids[row, : len(prompt) + 1] = torch.tensor([*prompt, label])
        mask[row, : len(prompt) + 1] = 1
        truth[row, len(prompt)] = label
        costs.append(-likelihoods(tiny_model, prompt)[LABELS].log_softmax(-1)[LABELS.index(label)])
    inputs = {"input_ids": ids, "attention_mask": mask}
    loss = _label_loss(load_model(tiny_model).eval(), inputs, truth, LABELS, IGNORED)
    assert loss.item() == pytest.approx(sum(costs).item() / 3, rel=1e-4)  # type: ignore[attr-defined]


def test_labels_are_learned_without_raising_them_above_other_tokens(tiny_model: Path, tmp_path: Path) -> None:
    examples = [Example(list(prompt), [label]) for prompt, label in PROMPTS.items()]
    training = TRAINING.model_copy(update={"epochs": 60.0})
    for name, labels in {"labels": LABELS, "vocabulary": None}.items():
        fine_tune(tiny_model, examples, tmp_path / name, training, seed=1, labels=labels)
    for prompt, label in PROMPTS.items():
        logprobs = {name: likelihoods(tmp_path / name, prompt) for name in ("labels", "vocabulary")}
        assert all(LABELS[int(one[LABELS].argmax())] == label for one in logprobs.values())
        assert logprobs["vocabulary"].exp()[label] > 0.9
        assert logprobs["labels"].exp()[LABELS].sum() < 0.5
