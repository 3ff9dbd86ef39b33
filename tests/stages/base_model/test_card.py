"""The base model is published with a card that states its origin, its licence and the measured figures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.base_model import stage as base_model
from stages.base_model.card import card
from stages.params import Settings
from tests.conftest import ARCHITECTURE, ROOT, TRAINING
from x_instruction.models.base_record import write_base
from x_instruction.runner.files import read_json
from x_instruction.runner.job import Job

NAMES = {"fi": "Finnish", "ur": "Urdu"}
MakeJob = Callable[..., Job]


@pytest.fixture
def published(make_job: MakeJob, settings: Settings) -> Callable[..., tuple[Job, str]]:
    """Runs the stage with changed settings of `base_model`; returns its job and the card."""

    def run(**changed: Any) -> tuple[Job, str]:
        section = settings.base_model.model_copy(update=changed)
        job = make_job("base_model", None, languages=list(NAMES), base_model=section)
        for code in (*NAMES, "en"):
            shutil.copytree(ROOT / f"data/sample/web/{code}", job.root / f"data/sample/web/{code}", dirs_exist_ok=True)
        job.staging.mkdir(parents=True)
        base_model.measure(job, base_model.run(job))
        return job, (job.staging / "README.md").read_text(encoding="utf-8")

    return run


def front_matter(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text.split("---")[1]))


def test_a_checkpoint_is_named_with_its_licence_and_its_check(
    published: Callable[..., tuple[Job, str]], taught_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(taught_model, tmp_path / "private" / "small-model"))
    (folder / "README.md").write_text("---\nlicense: mit\n---\nTheir card.")
    job, text = published(checkpoint=str(folder))
    values = front_matter(text)
    assert (values["license"], values["pipeline_tag"]) == ("mit", "text-generation")
    # The languages of a checkpoint are unknown, and a local folder has no hub id to name as `base_model`.
    assert "language" not in values and "base_model" not in values
    facts = base_model.measure(job, base_model.run(job))
    for part in ("A copy of `small-model`", "stored in float32", "pass on the copyright notice",
                 f"| parameters | {facts['parameters']} |", f"{facts['entropy_share']:.4g} |"):  # fmt: skip
        assert part in text, part
    assert str(tmp_path) not in text and "## Training" not in text and "trained from scratch" not in text


def test_the_embedded_model_says_how_it_was_trained_and_that_it_shows_a_run(
    published: Callable[..., tuple[Job, str]],
) -> None:
    job, text = published(
        checkpoint="embedded", architecture=ARCHITECTURE, training=TRAINING.model_copy(update={"epochs": 0.2})
    )
    values = front_matter(text)
    assert (values["license_name"], values["language"]) == ("none", ["fi", "ur", "en"])
    for part in ("trained from scratch", "Finnish (`fi`), Urdu (`ur`) and English", "hidden 64", "learning_rate 0.005",
                 "| training steps |", "no figure here was measured on unseen text", "Licence of the base model: none",
                 "have their own licences.\n"):  # fmt: skip
        assert part in text, part
    assert "seconds" not in text  # the card has nothing that differs between equal runs
    assert read_json(job.staging / "base.json")["license"] == "none"


def test_the_card_of_a_hub_model_and_of_a_gguf_file(settings: Settings, taught_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(taught_model, tmp_path / "base"))
    section = settings.base_model.model_copy(update={"checkpoint": "some/model"})
    source = tmp_path / "source"
    source.mkdir()
    (source / "LICENSE").write_text("Gemma Terms of Use")
    write_base(folder, "some/model", source, "c" * 40)
    text = card(read_json(folder / "base.json"), section, NAMES, {"parameters": 12})
    assert f"A copy of [some/model](https://huggingface.co/some/model) (commit `{'c' * 40}`)" in text
    assert front_matter(text)["license"] == "gemma" and "unpacked from" not in text
    write_base(folder, "m-q4.gguf", source, None)
    assert "unpacked from the file `m-q4.gguf`" in card(read_json(folder / "base.json"), section, NAMES, {})
