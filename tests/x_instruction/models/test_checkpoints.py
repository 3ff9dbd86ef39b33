"""Loading and saving of models and tokenizers."""

from __future__ import annotations

from pathlib import Path

from x_instruction.models.checkpoints import load_model, load_tokenizer, save_model
from x_instruction.runner.files import read_json


def test_a_saved_tokenizer_does_not_say_from_where_it_was_loaded(tiny_model: Path, tmp_path: Path) -> None:
    save_model(load_model(tiny_model), load_tokenizer(tiny_model), tmp_path)
    saved = read_json(tmp_path / "tokenizer_config.json")
    assert not {"is_local", "local_files_only"} & set(saved)
    assert saved == read_json(tiny_model / "tokenizer_config.json")
