"""Reads the figures of each iteration's evaluator, and the points of its reliability curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from x_instruction.runner.job import Job
from x_instruction.runner.published import read_metrics

ALL = "all"  # the series of all languages
FIGURES = {
    "precision": "precision",
    "recall": "recall",
    "auc": "AUC",
    "auc_surface": "AUC, surface defects",
    "expected_calibration_error": "expected calibration error",
    "pairs": "held-out pairs",
}


def evaluators(job: Job, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """One record for each iteration, with None for figures that could not be measured.

    `names` are the English names of the languages.
    """
    return [_evaluator(job, iteration, names) for iteration in job.settings.iterations]


def _evaluator(job: Job, iteration: str, names: Mapping[str, str]) -> dict[str, Any]:
    path = job.root / "data" / "metrics" / "evaluator" / f"{iteration}.json"
    scores = read_metrics(path, job.input("evaluator", iteration=iteration))
    by_language = {names.get(code, code): figures.get("auc") for code, figures in scores.get("by_language", {}).items()}
    return {
        "iteration": iteration,
        "figures": [(words, scores.get(name)) for name, words in FIGURES.items()],
        "defects": sorted(_bars(scores.get("auc_by_defect", {})), key=lambda bar: bar[1]),
        "languages": sorted(_bars(by_language), key=lambda bar: bar[1]),
        "confusion": list(scores.get("confusion", {}).items()),
        "curves": _curves(job, iteration, names),
    }


def _bars(values: dict[str, float | None]) -> list[tuple[str, float]]:
    return [(name.replace("_", " "), value) for name, value in values.items() if value is not None]


def _curves(job: Job, iteration: str, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Name and points of each curve. The axes are 100 long and start at (0, 100), because y grows downwards in SVG."""
    path = job.root / "data" / "plots" / "evaluator" / iteration / "reliability.csv"
    if not path.exists():
        return []
    table = pl.read_csv(path)
    curves = {
        names.get(str(name), str(name)): " ".join(
            f"{100 * x:.1f},{100 - 100 * y:.1f}" for x, y in rows.select("predicted", "best_share").rows()
        )
        for (name,), rows in table.sort("predicted").group_by("series", maintain_order=True)
    }
    return sorted(curves.items(), key=lambda curve: curve[0] == ALL)  # `all` is drawn last, on top
