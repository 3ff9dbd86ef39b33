"""The tuned model as it is released, with its scores in the card.

The published model cannot contain its scores: eval_scores needs the published model, whose content hash must not change
after it was scored. So the scores are looked up by that hash, and a model that was not scored has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.release.model_scores import scores_of, section
from commands.release.released import CARD, DATA, MANIFEST, Release, files_of, finished
from stages.params import load_settings
from stages.report.compared import described
from x_instruction.models.model_card import card
from x_instruction.models.publishing import RECORD
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json
from x_instruction.runner.published import content_of

MODEL = "tuned_model"
# Files of an earlier release that are removed if the new release lacks them. An old index, for example, would name
# weights that are gone.
REPLACED = (
    "model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json", "chat_template.jinja",
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
)  # fmt: skip


@dataclass(frozen=True)
class ReleasedModel:
    """`scored`: the languages whose scores are in the card. `unscored`: the model's other languages."""

    release: Release
    record: Mapping[str, Any]
    scored: list[str]
    unscored: list[str]


def the_model(root: Path, language: str | None = None) -> ReleasedModel:
    """The tuned model; `language` chooses the model if each language has one.

    Raises InputError if `language` does not choose one model, or if the model is missing or has changed since it was
    checked and published. Raises SettingsError if params.yaml, which lists the compared models, cannot be used.
    """
    folder = _chosen(finished(root, MODEL), language)
    record, content = read_json(folder / RECORD, ours=True), content_of(folder)
    languages = list(record["languages"])
    scores = scores_of(root, record, content, _compared(root))
    files: dict[str, Path | bytes] = {
        name: path
        for name, path in files_of(folder).items()
        if name != MANIFEST and not any(part.startswith(".") for part in Path(name).parts)
    }
    files[CARD] = card(record, section(scores, record["languages"], content)).encode("utf-8")
    release = Release("model", folder, files, always=(CARD, RECORD, "config.json"), replaced=REPLACED)
    return ReleasedModel(release, record, list(scores), [code for code in languages if code not in scores])


def _compared(root: Path) -> dict[str, str]:
    """The name of each compared model, and what it is."""
    settings = load_settings(root / "params.yaml")
    return {entry.name: described(entry, settings.iterations) for entry in settings.eval_scores.models}


def _chosen(folder: Path, language: str | None) -> Path:
    """The folder of the chosen model. Raises InputError unless `language` chooses exactly one."""
    parts = sorted(path.parent.name for path in folder.glob(f"*/{RECORD}"))
    if parts and language not in parts:
        raise InputError(
            f"{DATA / MODEL} has a model for each language: give --language with one of {', '.join(parts)}"
        )
    if language and not parts:
        raise InputError(f"{DATA / MODEL} is one model for all languages: leave --language out")
    return folder / language if language else folder
