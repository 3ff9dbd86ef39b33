"""One tuned model for each language, in a folder with its code, published together.

<work>/models/<key>/   a finished model, so that an interrupted run trains only what is missing; removed when published
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from x_instruction.models.measures import model_facts
from x_instruction.models.settings import Prompts, Training
from x_instruction.pairs.tasks import Task
from x_instruction.pairs.training_pairs import Pair
from x_instruction.pairs.tuning import CHECKED, tune_into
from x_instruction.runner.files import digest, hash_paths, read_json, write_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.plots import PLOTS, write_plot

FACTS = "facts.json"  # in a finished model's folder in the work store
# How the metrics of several models become one, which the suite judges: the worst of them.
WORST: dict[str, Callable[..., Any]] = {
    "pairs": sum,
    "loss_change": max,
    "changed_weights_share": min,
    "held_out_loss": max,
    "held_out_loss_change": max,
    "template_share": min,
    "ends_with_token": min,
    "parameters": max,
    "finite": min,
    "entropy_share": max,
    "vocabulary_fits": min,
}


def tune_each(
    job: Job,
    training: Training,
    pairs: Mapping[str, list[Pair]],
    task: Callable[[str], Task],
    decoding: Mapping[str, Any],
) -> Outcome:
    """Fine-tune the base model on the pairs of each language; `task` gives what the model of a language learns."""
    facts: dict[str, dict[str, Metric]] = {}
    for language, own in pairs.items():
        made = _finished(job, _key(job, training, own, language, decoding), training, own, task, decoding, language)
        _link(made, job.staging / language)
        content = hash_paths([path for path in (job.staging / language).iterdir() if path.is_file()])
        manifest = {"artifact": job.artifact, "partition": language, "content": content}
        write_json(job.staging / language / "manifest.json", manifest)
        facts[language] = read_json(made / FACTS)
        facts[language]["curve"] = str(made / PLOTS / "loss.csv")
    curves = [
        pl.read_csv(str(one["curve"])).with_columns(series=pl.format("{} {}", pl.lit(language), "series"))
        for language, one in facts.items()
    ]
    write_plot(job.staging, "loss", pl.concat(curves))
    named = {f"{language}_{name}": one[name] for language, one in facts.items() for name in CHECKED}
    worst = {name: WORST[name]([one[name] for one in facts.values()]) for name in CHECKED}
    return Outcome(facts={**named, **worst})


def measure_each(job: Job, outcome: Outcome) -> dict[str, Metric]:
    """The worst of the models' metrics, and each language's held-out loss."""
    models = [model_facts(job.staging / language) for language in job.settings.languages]
    return {
        **{name: WORST[name]([one[name] for one in models]) for name in models[0]},
        **{name: outcome.facts[name] for name in CHECKED},
        **{f"{code}_held_out_loss": outcome.facts[f"{code}_held_out_loss"] for code in job.settings.languages},
    }


def model_of(folder: Path, language: str) -> Path:
    """The folder of a tuned model that answers in a language: a subfolder if there is one model for each."""
    return folder / language if (folder / language / "config.json").is_file() else folder


def _key(job: Job, training: Training, pairs: list[Pair], language: str, decoding: Mapping[str, Any]) -> str:
    base = read_json(job.input("base_model") / "manifest.json")["content"]
    names = (job.language_pages / "names.yaml").read_text(encoding="utf-8")
    settings = (training.key(), job.section(Prompts).key(), repr(sorted(decoding.items())), str(job.settings.seed))
    return digest(job.code, base, names, language, *settings, *map(repr, pairs))[:32]


def _finished(
    job: Job,
    key: str,
    training: Training,
    pairs: list[Pair],
    task: Callable[[str], Task],
    decoding: Mapping[str, Any],
    language: str,
) -> Path:
    """The folder of the finished model in the work store, trained now unless an interrupted run trained it."""
    folder = job.work / "models" / key
    if not folder.exists():
        unfinished = folder.with_name(f".{key}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        write_json(
            unfinished / FACTS, tune_into(job, unfinished, training, pairs, task(language), decoding, [language])
        )
        unfinished.rename(folder)
    return folder


def _link(made: Path, target: Path) -> None:
    """The files of a finished model, which take no space a second time."""
    for path in made.rglob("*"):
        inner = path.relative_to(made)
        if path.is_file() and path.name != FACTS and inner.parts[0] != PLOTS:
            (target / inner).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target / inner)
