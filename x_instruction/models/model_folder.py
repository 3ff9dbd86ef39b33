"""Finds the model that answers in a language."""

from __future__ import annotations

from pathlib import Path


def model_of(folder: Path, language: str) -> Path:
    """The folder of a tuned model that answers in a language: a subfolder if each language has a model."""
    return folder / language if (folder / language / "config.json").is_file() else folder
