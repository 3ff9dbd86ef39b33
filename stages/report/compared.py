"""What each model that eval_scores compared is, by its entry in `eval_scores.models`, whatever its name is."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import polars as pl

from x_instruction.runner.files import read_json
from x_instruction.runner.job import Job
from x_instruction.runner.published import checked
from x_instruction.runner.settings import Iteration

BASE, RESPONSE_MODEL, SEEDS = "base_model", "response_model", "seed_pairs"  # artifacts
KNOWN = {
    "tuned_model": "the result of the run: the base model, tuned on the seed pairs and the diversified set",
    BASE: "the base model itself",
}
SEEDS_ALONE = "the base model, tuned on the seed pairs alone"
BASE_RECORD = "base.json"
ENTRIES = "eval_scores.models"  # the path of a setting, read by its name: an import of its class would add its code
EMBEDDED = "embedded"


def models(job: Job) -> list[tuple[str, str]]:
    """The name of each compared model and what it is, with the name of the base model."""
    names = {name for code in job.settings.languages for name in _names(job, code)}
    entries = [entry for entry in attrgetter(ENTRIES)(job.settings) if entry.name in names]
    meanings = [described(entry, job.settings.iterations) for entry in entries]
    return [
        (entry.name, meaning + (_base(job) if entry.model == BASE else ""))
        for entry, meaning in zip(entries, meanings, strict=True)
    ]


def described(entry: Any, iterations: Mapping[str, Iteration]) -> str:
    """What the model of an entry of `eval_scores.models` is."""
    if entry.model is None:
        return f"the model {entry.endpoint.model} at an endpoint"
    artifact, _, iteration = entry.model.partition("/")
    if artifact == RESPONSE_MODEL and iteration in iterations:
        learned = iterations[iteration].learns_from
        return SEEDS_ALONE if learned == SEEDS else f"the base model, tuned on the seed pairs and pairs of {learned}"
    return KNOWN.get(entry.model, f"the model {entry.model}")


def _base(job: Job) -> str:
    name = read_json(checked(job.input(BASE), BASE_RECORD), ours=True)["name"]
    return f" ({name}{', trained from scratch in this run' if name == EMBEDDED else ''})"


def _names(job: Job, language: str) -> pl.Series:
    return pl.read_parquet(checked(job.input("eval_scores", language), "tables/scores.parquet"), columns=["model"])[
        "model"
    ]
