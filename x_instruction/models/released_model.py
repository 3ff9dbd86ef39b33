"""Copies a tuned model to a folder to publish, with its scores in the card.

    python -m x_instruction.models.released_model data/tuned_model FOLDER

The scores come from eval_scores of the same project. model_card.py explains why the published model's card has none.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from x_instruction.models.model_card import card
from x_instruction.models.publishing import CARD, RECORD
from x_instruction.runner.border import at_the_border
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json, replace_folder

METRICS = "data/metrics/eval_scores"
MODEL = "tuned"  # the name of the tuned model in the metrics
NOT_PUBLISHED = shutil.ignore_patterns("manifest.json", ".*")


def release_model(folder: Path, target: Path, root: Path) -> list[str]:
    """Copies the model to `target`, completely or not at all. Returns the languages whose scores are in the card.

    `root` is the project's folder. Raises InputError if there is no tuned model, or if `target` has files already.
    """
    if not (folder / RECORD).is_file():
        parts = ", ".join(sorted(path.parent.name for path in folder.glob(f"*/{RECORD}")))
        advice = f"give the folder of a language ({parts})" if parts else "run its stage first (`dvc repro`)"
        raise InputError(f"{folder} is not a tuned model: {advice}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} has files already: give a new or an empty folder")
    record = read_json(folder / RECORD)
    scores = _scores(root, list(record["languages"]))
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as name:
        staged = Path(name, "model")
        shutil.copytree(folder, staged, ignore=NOT_PUBLISHED)
        (staged / CARD).write_text(card(record, scores), encoding="utf-8")
        replace_folder(staged, target)
    return list(scores)


def _scores(root: Path, languages: list[str]) -> dict[str, dict[str, Any]]:
    """The figures of the tuned model by language, for the languages that eval_scores has published."""
    scores: dict[str, dict[str, Any]] = {}
    for code in languages:
        path = root / METRICS / f"{code}.json"
        metrics = read_json(path) if path.is_file() else {}
        figures = {name: value for name, value in metrics.get("models", {}).get(MODEL, {}).items() if value is not None}
        if figures:
            scores[code] = {**figures, "judge of the ratings": metrics.get("judge", "")}
    return scores


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m x_instruction.models.released_model", description=__doc__)
    parser.add_argument("model", type=Path, help="the folder of a tuned model, such as data/tuned_model")
    parser.add_argument("target", type=Path, help="a new folder")
    options = parser.parse_args()
    return at_the_border(lambda: _release(options.model, options.target))


def _release(folder: Path, target: Path) -> int:
    scored = release_model(folder, target, Path.cwd())
    print(f"{target}: the model, with scores in {', '.join(scored) or 'no language'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
