"""Trains two models with each random seed for the benchmark `seeds`, and lets them answer questions.

The data are those of a finished project. The benchmark keeps its files in these folders:

<folder>/seed_18/data/        tuned_model and response_model/iteration_1 of this seed; links to the project's other data
<folder>/seed_18/measured/    the answers and the losses of the compared models, by set of questions and language

The first seed is that of the project, whose models exist already. Every model and table is kept, and training
continues from its checkpoints, so an interrupted benchmark continues where it ended.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from stages.eval_scores.answers import answers_of
from stages.eval_scores.measures import Answered
from stages.eval_scores.questions import all_questions
from stages.eval_scores.scoring import losses_of
from stages.eval_scores.settings import ComparedModel
from stages.params import Settings, load_settings
from stages.response_model import stage as response_model
from stages.tuned_model import stage as tuned_model
from tests.benchmarks.table import ROOT, SkippedError
from x_instruction.runner.files import digest, hash_paths, replace_folder
from x_instruction.runner.import_closure import stage_code_hash
from x_instruction.runner.job import Job, make_job
from x_instruction.runner.manifest import write_manifest
from x_instruction.runner.published import MANIFEST, read_manifest
from x_instruction.runner.shards import write_shard
from x_instruction.runner.shell import Stage

TUNED, SEED_ONLY, BASE = "tuned", "seed_only", "base"  # from the best to the worst, as the method promises
SEED_ONLY_MODEL = ("response_model", "iteration_1")
READ = (("seed_pairs",), ("base_model",), ("diversified_set",), ("tuned_model",), SEED_ONLY_MODEL)
MODELS = (
    ComparedModel(name=TUNED, model="tuned_model"),
    ComparedModel(name=SEED_ONLY, model="/".join(SEED_ONLY_MODEL)),
    ComparedModel(name=BASE, model="base_model"),
)


def settings_of(project: Path) -> Settings:
    """The project's settings. Raises SkippedError if data or models of the project are missing."""
    for folder in (project.joinpath("data", *names) for names in READ):
        if not folder.is_dir():
            raise SkippedError(f"{folder} is missing; run `make run` first, or name a finished project in PROJECT")
    return load_settings(project / "params.yaml")


def key_of(project: Path, settings: Settings) -> str:
    """A hash of the data, settings and code that affect the models.

    The training seed is not part of it, because the models of all training seeds are kept in one folder.
    """
    data, codes = project / "data", settings.languages
    inputs = [
        *(data.joinpath(*names) for names in (("base_model",), ("tuned_model",), SEED_ONLY_MODEL)),
        *(data / name / code for name in ("seed_pairs", "diversified_set") for code in codes),
    ]
    return digest(
        *(str(read_manifest(folder)["content"]) for folder in inputs),
        *(section.key() for section in (settings.tuned_model, settings.response_model, settings.prompts)),
        *(stage_code_hash(artifact, ROOT) for artifact in ("tuned_model", "response_model")),
        hash_paths([project / "languages" / "names.yaml"]),
    )[:12]


def answers_key_of(project: Path, settings: Settings) -> str:
    """A hash of the questions, settings and code that affect the answers of given models."""
    questions = settings.eval_scores.questions
    return digest(
        *(one.model_dump_json(exclude={"path"}) for one in questions),
        *(section.key() for section in (settings.decoding, settings.text_generation)),
        stage_code_hash("eval_scores", ROOT),
        hash_paths([project / one.path for one in questions]),
    )[:12]


def make_view(project: Path, folder: Path, with_models: bool) -> None:
    """Makes a folder with links to the project's language pages and data, with or without the two models."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    shown = [path for path in (project / "data").iterdir() if path.name[0] != "."]
    left_out = () if with_models else ("tuned_model", SEED_ONLY_MODEL[0])
    for path in (project / "languages", *(path for path in shown if path.name not in left_out)):
        link = folder / path.relative_to(project)
        if not link.is_symlink():
            link.symlink_to(path.resolve())


def train(view: Path, settings: Settings) -> None:
    """Trains the tuned and the seed-only model on the project's pairs, unless they exist."""
    quiet = {"report_to": ()}
    for section in ("tuned_model", "response_model"):
        old = getattr(settings, section)
        changed = old.model_copy(update={"training": old.training.model_copy(update=quiet)})
        settings = settings.model_copy(update={section: changed})
    _train(view, settings, tuned_model, ("tuned_model",))
    _train(view, settings, response_model, SEED_ONLY_MODEL)


def _train(view: Path, settings: Settings, stage: Stage, names: Sequence[str]) -> None:
    """Runs a stage and publishes its model without any checks, since a bad model of one seed is also a result."""
    artifact, *iteration = names
    job = _job(view, settings, artifact, iteration)
    if (job.target / MANIFEST).exists():
        return
    shutil.rmtree(job.staging, ignore_errors=True)
    job.staging.mkdir(parents=True)
    write_manifest(job, stage.run(job))
    replace_folder(job.staging, job.target)
    shutil.rmtree(job.work, ignore_errors=True)  # checkpoints of 270 million weights take 3 GB


def _job(view: Path, settings: Settings, artifact: str, names: Sequence[str]) -> Job:
    """A job that runs this checkout's code on the data in the folder `view`."""
    kinds = ("language",) if artifact == "eval_scores" else ("iteration",) if names else ()
    job = make_job(artifact, kinds, list(names), settings, ROOT)
    inner = Path(artifact, *names)
    return replace(job, root=view, staging=view / "data/.staging" / inner, work=view / "data/.work" / inner)


def measured(view: Path, settings: Settings, language: str) -> dict[str, Answered]:
    """The answers and losses of each model; they are computed unless they are stored."""
    folder = view / "measured" / answers_key_of(view, settings) / language
    answers, losses = folder / "answers.parquet", folder / "losses.parquet"
    if not losses.exists():
        tables = _measure(_job(view, settings, "eval_scores", [language]), language)
        for path, table in zip((answers, losses), tables, strict=True):
            write_shard(table, path)
    of_model = [pl.read_parquet(path).partition_by("model", as_dict=True) for path in (answers, losses)]
    return {model.name: Answered(*(tables[(model.name,)] for tables in of_model)) for model in MODELS}


def _measure(job: Job, language: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    seeds = job.rows("seed_pairs", language).table().filter(pl.col("split") == "held_out")
    questions, _ = all_questions(job.settings.eval_scores.questions, seeds, language, job.root)
    answers, losses = [], []
    for model in MODELS:
        found = answers_of(job, model, questions)
        answers.append(found.frame)
        lost = losses_of(job, model, found.folder, seeds, questions)
        assert lost is not None
        losses.append(lost.with_columns(model=pl.lit(model.name)))
    return pl.concat(answers), pl.concat(losses)
