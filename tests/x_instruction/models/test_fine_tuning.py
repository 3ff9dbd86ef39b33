"""Fine-tuning learns only completions, is reproducible for a seed, and saves weights only as safetensors."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.conftest import TRAINING
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.measures import held_out_loss, model_facts
from x_instruction.models.settings import Training
from x_instruction.runner.errors import InputError


def test_the_tiny_model_learns_its_lessons(tiny_model: Path, taught_model: Path, lessons: list[Example]) -> None:
    before, after = held_out_loss(tiny_model, lessons), held_out_loss(taught_model, lessons)
    assert after < before / 2


def test_the_prompt_is_not_learned(tiny_model: Path, taught_model: Path, lessons: list[Example]) -> None:
    # The prompts are measured as completions. If they were learned, they would be as likely as the answers.
    prompts = [Example(example.prompt[:1], example.prompt[1:]) for example in lessons]
    assert held_out_loss(taught_model, prompts) > held_out_loss(tiny_model, prompts) / 2


def test_a_model_is_saved_only_as_safetensors(taught_model: Path) -> None:
    names = {path.name for path in taught_model.rglob("*") if path.is_file()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= names
    assert {Path(name).suffix for name in names} <= {".safetensors", ".json", ".jinja"}


def test_a_trained_model_passes_the_checks(taught_model: Path) -> None:
    facts = model_facts(taught_model)
    assert (facts["finite"], facts["vocabulary_fits"]) == (1, 1)
    assert float(facts["entropy_share"]) < 0.98


def test_an_untrained_model_has_a_nearly_uniform_prediction(tiny_model: Path) -> None:
    assert float(model_facts(tiny_model)["entropy_share"]) > 0.98


def test_loss_is_the_mean_over_all_completion_tokens(taught_model: Path, lessons: list[Example]) -> None:
    long, short = lessons[3], lessons[1]
    losses = {len(lesson.completion): held_out_loss(taught_model, [lesson]) for lesson in (long, short)}
    mean = sum(tokens * loss for tokens, loss in losses.items()) / sum(losses)
    assert held_out_loss(taught_model, [long, short]) == pytest.approx(mean, rel=1e-3)


@pytest.fixture(scope="module")
def tuned(
    tiny_model: Path, lessons: list[Example], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], dict[str, bytes]]:
    """A function that trains a model for three epochs with a given seed, and returns the model's files."""

    def tune(seed: int) -> dict[str, bytes]:
        folder = tmp_path_factory.mktemp("tuned")
        training = TRAINING.model_copy(update={"epochs": 3.0, "batch_size": 2, "dropout": 0.2})
        fine_tune(tiny_model, lessons, folder, training, seed)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    return tune


def test_the_same_seed_gives_the_same_bytes(tuned: Callable[[int], dict[str, bytes]]) -> None:
    assert tuned(1) == tuned(1)


def test_another_seed_gives_another_model(tuned: Callable[[int], dict[str, bytes]]) -> None:
    assert tuned(1)["model.safetensors"] != tuned(2)["model.safetensors"]


def test_dropout_is_used_only_in_training(tuned: Callable[[int], dict[str, bytes]]) -> None:
    assert b'"attention_dropout": 0.0' in tuned(1)["config.json"]


def test_facts_count_examples_tokens_and_steps(tiny_model: Path, lessons: list[Example], tmp_path: Path) -> None:
    training = TRAINING.model_copy(update={"epochs": 2.0, "batch_size": 2})
    facts = fine_tune(tiny_model, lessons, tmp_path, training, 1)
    assert (facts["examples"], facts["steps"]) == (4, 4)
    assert facts["tokens"] == 2 * sum(len(one.prompt) + len(one.completion) for one in lessons)


def test_training_without_examples_is_an_input_error(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no pair to learn from"):
        fine_tune(tiny_model, [], tmp_path, TRAINING, 1)


def test_fewer_examples_than_a_batch_are_an_input_error(
    tiny_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    training: Training = TRAINING.model_copy(update={"batch_size": 5})
    with pytest.raises(InputError, match=r"only 4 examples to learn from, fewer than training\.batch_size \(5\)"):
        fine_tune(tiny_model, lessons, tmp_path, training, 1)


def test_prompts_that_all_fill_the_window_are_an_input_error(
    tiny_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    narrow: Training = TRAINING.model_copy(update={"max_tokens": 3})
    with pytest.raises(InputError):
        fine_tune(tiny_model, lessons, tmp_path, narrow, 1)


def test_a_folder_without_a_model_is_named(lessons: list[Example], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not a usable model|has no usable tokenizer"):
        fine_tune(tmp_path, lessons, tmp_path / "out", TRAINING, 1)


def test_weights_that_would_be_unpickled_are_refused(
    taught_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(taught_model, tmp_path / "pickled"))
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="is a pickle, which could run code"):
        fine_tune(folder, lessons, tmp_path / "out", TRAINING, 1)


def test_without_held_out_pairs_there_is_no_loss(taught_model: Path) -> None:
    with pytest.raises(InputError, match="there is no held-out seed"):
        held_out_loss(taught_model, [])


def test_examples_are_learned_in_the_given_order_on_request(
    tiny_model: Path, lessons: list[Example], tmp_path: Path
) -> None:
    def weights(name: str, examples: list[Example], seed: int, in_order: bool) -> bytes:
        training = TRAINING.model_copy(update={"batch_size": 1})
        fine_tune(tiny_model, examples, tmp_path / name, training, seed, in_order=in_order)
        return (tmp_path / name / "model.safetensors").read_bytes()

    # Without dropout, the seed determines only the order of examples, so it has no effect if the order is given.
    taken = weights("taken", lessons, 1, in_order=True)
    assert taken == weights("other seed", lessons, 2, in_order=True)
    assert taken != weights("other order", lessons[::-1], 1, in_order=True)
    assert weights("drawn", lessons, 1, in_order=False) != weights("drawn anew", lessons, 2, in_order=False)
