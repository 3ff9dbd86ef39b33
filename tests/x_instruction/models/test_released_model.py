"""The copy of a tuned model that is made for publication has the scores of the model in its model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TRAINING
from x_instruction.models.model_card import SCORES_LIE, card
from x_instruction.models.released_model import release_model
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json, write_json

RECORD: dict[str, Any] = {
    "artifact": "tuned_model", "partition": "", "about": "answers instructions", "seed": 1, "end": "<|end|>",
    "languages": {"fi": "Finnish", "ur": "Urdu"}, "base_content": "c", "prompt": "…", "ends_with_token": False,
    "base": {"name": "a/b", "revision": "c", "license": "", "license_link": "", "dtype": "float32"},
    "data": {"pairs": 2, "hash": "h", "by_language": {"fi": {"seeds": 1, "web": 1}}},
    "asks_for_language": True, "default_language": "", "default_style": "", "decoding": {"stop_strings": ["\n#"]},
    "training": TRAINING.model_dump(mode="json"), "loss_curve": [[4, 1.5, "training"]],
    "precision": {"weights": "float32", "products": "float32", "saved": "float32"},
    "figures": {"held_out_loss": 1.0, "held_out_loss_change": -0.5},
}  # fmt: skip


def published(root: Path) -> Path:
    folder = root / "data/tuned_model"
    write_json(folder / "training.json", RECORD)
    write_json(folder / "manifest.json", {})
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "README.md").write_text(card(read_json(folder / "training.json")))
    return folder


def test_a_released_copy_has_the_scores_of_its_languages(tmp_path: Path) -> None:
    folder = published(tmp_path)
    figures = {"language_share": 0.75, "similarity": None}
    scores = {"judge": "evaluator of iteration_1", "models": {"tuned": figures, "base": {"language_share": 0.1}}}
    write_json(tmp_path / "data/metrics/eval_scores/fi.json", scores)
    assert release_model(folder, tmp_path / "out/model", tmp_path) == ["fi"]
    assert {path.name for path in (tmp_path / "out/model").iterdir()} == {
        "README.md", "training.json", "model.safetensors",
    }  # fmt: skip
    text = (tmp_path / "out/model/README.md").read_text()
    assert "| language_share | 0.75 |" in text and "evaluator of iteration_1" in text and "similarity" not in text
    assert SCORES_LIE not in text and SCORES_LIE in (folder / "README.md").read_text()
    assert "an answer ends at '\\n#'; an answer ends at '<|end|>', which is not a token" in text
    assert "license: other\nlicense_name: unknown" in text and "read the licence before you publish" in text


def test_without_scores_the_card_is_not_changed(tmp_path: Path) -> None:
    folder = published(tmp_path)
    assert release_model(folder, tmp_path / "out", tmp_path) == []
    assert (tmp_path / "out/README.md").read_text() == (folder / "README.md").read_text()


def test_a_folder_that_cannot_be_released_is_named(tmp_path: Path) -> None:
    folder = published(tmp_path)
    with pytest.raises(InputError, match="has files already"):
        release_model(folder, folder, tmp_path)
    with pytest.raises(InputError, match=r"is not a tuned model: give the folder of a language \(tuned_model\)"):
        release_model(folder.parent, tmp_path / "out", tmp_path)
    with pytest.raises(InputError, match="is not a tuned model: run its stage first"):
        release_model(tmp_path / "none", tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()
