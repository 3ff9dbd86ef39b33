"""Trains with several random seeds, to test whether the tuned model is better than the seed-only and the base model.

The seed-only model has learned the seed pairs, but not the diversified set.

    PROJECT=folder python -m tests.benchmarks seeds

PROJECT names a finished project, or several projects separated by `:`; the default is this project. SEEDS is the number
of random seeds. A random seed decides the order of the batches, the dropout and the sampling of the answers. With the
first seed, the tuned and the seed-only model are those of the project; with each other seed, both models are
trained again. The project's data (seed pairs and diversified set) are not changed. QUESTIONS names JSONL files of
further questions, separated by `:`; the models are asked these in addition to the questions of the project.

Two 95 % intervals are given for each paired difference: the interval over seeds shows the variation between training
runs, and the interval over questions the variation between samples of questions.
"""

from __future__ import annotations

import os
from pathlib import Path

from stages.base_model.settings import EMBEDDED
from stages.eval_scores.measures import Answered
from stages.eval_scores.settings import Questions
from stages.params import Settings
from tests.benchmarks.gemma import CACHE
from tests.benchmarks.seeds_figures import UNITS, Compared, compared, pooled, rows_of
from tests.benchmarks.seeds_project import key_of, make_view, measured, settings_of, train
from tests.benchmarks.table import ROOT, Row
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.process import quiet_libraries
from x_instruction.runner.published import read_manifest


def run() -> list[Row]:
    return [row for project in projects() for row in rows_of_project(project, CACHE / "seeds", number_of_seeds())]


def projects() -> list[Path]:
    """The folders that the environment variable PROJECT names."""
    named = [name for name in os.environ.get("PROJECT", "").split(os.pathsep) if name]
    return [Path(name).resolve() for name in named] or [ROOT]


def number_of_seeds() -> int:
    """The number in the environment variable SEEDS; the default is 5."""
    given = os.environ.get("SEEDS", "5")
    if not given.isdecimal() or int(given) < 2:
        raise SettingsError(f"SEEDS: '{given}' is not a number of seeds; give a whole number from 2")
    return int(given)


def further_questions() -> list[Questions]:
    """The files that the environment variable QUESTIONS names. Raises SettingsError if one of them is missing."""
    paths = [Path(name).resolve() for name in os.environ.get("QUESTIONS", "").split(os.pathsep) if name]
    for path in paths:
        if not path.is_file():
            raise SettingsError(f"QUESTIONS: {path} is not a file; give a JSONL file with a column `prompt`")
    return [Questions(name=f"further_{number}", path=str(path)) for number, path in enumerate(paths, start=1)]


def rows_of_project(project: Path, cache: Path, seeds: int) -> list[Row]:
    settings = with_questions(settings_of(project), further_questions())
    quiet_libraries(settings.execution.threads)
    folder = cache / key_of(project, settings)
    views = {settings.seed + number: folder / f"seed_{settings.seed + number}" for number in range(seeds)}
    changed = {seed: settings.model_copy(update={"seed": seed}) for seed in views}
    for seed, view in views.items():
        make_view(project, view, with_models=seed == settings.seed)
        train(view, changed[seed])
    found = {
        language: _compared([measured(view, changed[seed], language) for seed, view in views.items()])
        for language in settings.languages
    }
    if len(found) > 1:
        found["all languages"] = [pooled(one) for one in zip(*found.values(), strict=True)]
    resamples, name = settings.eval_scores.bootstrap_samples, project_name(project, settings)
    return [row for label, one in found.items() for row in rows_of(f"{name}, {label}", one, resamples, settings.seed)]


def with_questions(settings: Settings, further: list[Questions]) -> Settings:
    """The settings with further question files."""
    scores = settings.eval_scores
    return settings.model_copy(
        update={"eval_scores": scores.model_copy(update={"questions": [*scores.questions, *further]})}
    )


def _compared(by_seed: list[dict[str, Answered]]) -> list[Compared]:
    return [compared(measure, by_seed) for measure in UNITS]


def project_name(project: Path, settings: Settings) -> str:
    """The base model, and how many pairs the tuned model learns in addition to the seeds."""
    sets = [project / "data" / "diversified_set" / language for language in settings.languages]
    return f"{model_name(settings)} ({sum(read_manifest(folder)['rows'] for folder in sets)} pairs)"


def model_name(settings: Settings) -> str:
    checkpoint = settings.base_model.checkpoint
    return "embedded model" if checkpoint == EMBEDDED else Path(checkpoint).stem
