"""A saved tokenizer does not name the folder that it was loaded from, and a saved model names no custom code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import TRAINING
from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import Surroundings, fine_tune
from x_instruction.runner.files import read_json, write_json


def test_a_text_that_is_longer_than_the_context_gives_no_warning(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import tokenization_utils_base

    warned: list[str] = []
    monkeypatch.setattr(tokenization_utils_base.logger, "warning", warned.append)
    tokenizer = load_tokenizer(tiny_model)
    tokenizer.model_max_length = 3
    assert len(tokenizer("A text of several words.")["input_ids"]) > 3 and not warned


def test_a_saved_tokenizer_does_not_name_the_folder_it_was_loaded_from(tiny_model: Path, tmp_path: Path) -> None:
    save_model(load_model(tiny_model), load_tokenizer(tiny_model), tmp_path)
    saved = read_json(tmp_path / "tokenizer_config.json")
    assert not {"is_local", "local_files_only"} & set(saved)
    assert saved == read_json(tiny_model / "tokenizer_config.json")


def test_a_saved_model_names_no_custom_code(tiny_model: Path, tmp_path: Path) -> None:
    foreign, published = tmp_path / "foreign", tmp_path / "published"
    shutil.copytree(tiny_model, foreign)
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        code = {"auto_map": {"AutoModelForCausalLM": "mine.Model", "AutoTokenizer": ["mine.Slow", "mine.Fast"]}}
        path = foreign / name
        write_json(path, {**(read_json(path) if path.exists() else {}), **code})
    (foreign / "mine.py").write_text("raise SystemExit('this code was run')")
    save_model(load_model(foreign), load_tokenizer(foreign), published)
    assert not [path.name for path in published.iterdir() if "auto_map" in path.read_text(errors="replace")]
    assert not list(published.glob("*.py"))


@pytest.mark.parametrize("kept", [True, False])
def test_a_tuned_model_keeps_a_chat_template_only_if_its_prompts_use_it(
    tiny_model: Path, lessons: list[Example], tmp_path: Path, kept: bool
) -> None:
    tokenizer = load_tokenizer(tiny_model)
    tokenizer.chat_template = "{{ messages[0]['content'] }} foreign"
    save_model(load_model(tiny_model), tokenizer, tmp_path / "start")
    surroundings = Surroundings(keeps_template=kept)
    fine_tune(tmp_path / "start", lessons, tmp_path / "tuned", TRAINING, 1, surroundings=surroundings)
    assert bool(load_tokenizer(tmp_path / "tuned").chat_template) is kept
    assert any("foreign" in path.read_text(errors="replace") for path in (tmp_path / "tuned").iterdir()) is kept
