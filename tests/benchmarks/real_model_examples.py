"""Writes a sample of instructions and answers for people to read, since figures do not show everything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tests.benchmarks.real_model_figures import shards

SHOWN = 20  # examples of each kind in each language
CHARACTERS = 300  # of each response


def write_examples(project: Path, languages: Sequence[str], out: Path) -> None:
    """Writes, for each language, some rated instructions with their texts, and some answers of the tuned model."""
    lines = ["# What the models of the benchmark real_model wrote", ""]
    for language in languages:
        rated = shards(project, "rated_pairs", "iteration_1", language).sort("id").head(SHOWN)
        answers = shards(project, "eval_scores", language).filter(pl.col("model") == "tuned").sort("id").head(SHOWN)
        lines += [f"## Instructions, {language}", "", *map(_instruction, rated.iter_rows(named=True)), ""]
        lines += [f"## Answers, {language}", "", *map(_answer, answers.iter_rows(named=True)), ""]
    out.write_text("\n".join(lines), encoding="utf-8")


def _instruction(row: dict[str, object]) -> str:
    return f"- **{row['instruction']}** (rated {row['rating']:.2f}) {_short(row['response'])}"


def _answer(row: dict[str, object]) -> str:
    return f"- **{row['instruction']}** {_short(row['response'])}"


def _short(text: object) -> str:
    return " ".join(str(text).split())[:CHARACTERS]
