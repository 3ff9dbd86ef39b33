"""Finds the model that answers in a language."""

from __future__ import annotations

from pathlib import Path


def model_of(folder: Path, language: str) -> Path:
    """The folder of a tuned model that answers in a language: a subfolder if there is one model for each."""
    return folder / language if (folder / language / "config.json").is_file() else folder
