"""Tunes one model for each language, in a folder named by the language's code. All of them are published together.

<work>/models/<key>/   finished models, deleted after publishing; after an interruption, only missing ones are trained
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from x_instruction.models.measures import model_facts
from x_instruction.models.settings import Prompts, Training
from x_instruction.pairs.tasks import Task
from x_instruction.pairs.training_pairs import Pair, seed_pairs
from x_instruction.pairs.tuning import CHECKED, tune_into
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import digest
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.manifest import write_part_manifest
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.plots import PLOTS, write_plot
from x_instruction.runner.published import read_manifest
from x_instruction.runner.work_store import SEAL, finished, seal

# For each metric, the function that combines the values of all models; most functions take the worst value.
WORST: dict[str, Callable[..., Any]] = {
    "pairs": sum,
    "loss_change": max,
    "changed_weights_share": min,
    "learned_loss_change": max,
    "held_out_loss": max,
    "held_out_loss_change": max,
    "template_share": min,
    "ends_with_token": min,
    "parameters": max,
    "finite": min,
    "entropy_share": max,
    "vocabulary_fits": min,
}


@dataclass(frozen=True)
class Each:
    """What the training of every language's model needs. `task` returns the task for a language."""

    job: Job
    training: Training
    task: Callable[[str], Task]
    decoding: Mapping[str, Any]

    def model(self, language: str, pairs: list[Pair]) -> Path:
        """The folder of a language's model in the work store. Trains the model unless an earlier run finished it."""
        folder = self.job.work / "models" / self._key(language, pairs)
        if finished(folder) is None:
            unfinished = folder.with_name(f".{folder.name}")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            task = self.task(language)
            facts = tune_into(self.job, unfinished, self.training, pairs, task, self.decoding, [language])
            seal(unfinished, **facts)
            unfinished.rename(folder)
        return folder

    def _key(self, language: str, pairs: list[Pair]) -> str:
        job = self.job
        base = str(read_manifest(job.input("base_model"))["content"])
        names = (job.language_pages / "names.yaml").read_text(encoding="utf-8")
        held_out = seed_pairs(job, "held_out", [language])
        settings = (self.training.key(), job.section(Prompts).key(), repr(sorted(self.decoding.items())))
        return digest(
            job.code, base, names, language, *settings, str(job.settings.seed), *map(repr, [*pairs, *held_out])
        )[:32]


def tune_each(each: Each, pairs: Mapping[str, list[Pair]]) -> Outcome:
    """Fine-tunes the base model on the pairs of each language. Raises InputError for a language without pairs."""
    job, facts, curves = each.job, dict[str, dict[str, Metric]](), list[pl.DataFrame]()
    for language, language_pairs in pairs.items():
        if not language_pairs:
            raise InputError(f"tuned_model: there is no pair in '{language}' to learn from: check seed_pairs")
        made = each.model(language, language_pairs)
        _link(made, job.staging / language)
        write_part_manifest(job, job.staging / language, language)
        facts[language] = finished(made) or {}
        curve = pl.read_csv(made / PLOTS / "loss.csv")
        curves.append(curve.with_columns(series=pl.format("{} {}", pl.lit(language), "series")))
    write_plot(job.staging, "loss", pl.concat(curves))
    named = {f"{code}_{name}": values[name] for code, values in facts.items() for name in CHECKED}
    worst = {name: WORST[name]([values[name] for values in facts.values()]) for name in CHECKED}
    return Outcome(facts={**named, **worst})


def measure_each(job: Job, outcome: Outcome) -> dict[str, Metric]:
    """The metrics of all models, combined by the functions in WORST, and each language's held-out loss."""
    models = [model_facts(job.staging / language) for language in job.settings.languages]
    return {
        **{name: WORST[name]([values[name] for values in models]) for name in models[0]},
        **{name: outcome.facts[name] for name in CHECKED},
        **{f"{code}_held_out_loss": outcome.facts[f"{code}_held_out_loss"] for code in job.settings.languages},
    }


def _link(made: Path, target: Path) -> None:
    """Makes hard links in `target` to the files of a finished model, so that they take no space a second time."""
    for path in made.rglob("*"):
        inner = path.relative_to(made)
        if path.is_file() and path.name != SEAL and inner.parts[0] != PLOTS:
            (target / inner).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target / inner)
