"""Runs standard tasks with lm-eval, as a separate process with separate packages (requirements-lm-eval.txt).

One of these packages needs an older chardet than the pipeline does, so they are in a folder that only the process of
lm-eval sees. The process runs `python -m lm_eval run --config FILE`, so the figures are lm-eval's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from stages.eval_scores.compared_models import folder_of, identity
from stages.eval_scores.settings import TASKS, ComparedModel, EvalScores, StandardTasks
from x_instruction.generation.settings import TextGeneration
from x_instruction.runner.errors import InputError, SettingsError
from x_instruction.runner.files import hash_paths
from x_instruction.runner.job import Job
from x_instruction.runner.process import die_with_parent
from x_instruction.runner.shards import Split, no_drops

PACKAGES = Path(sys.prefix, "lm-eval")
SCHEMA = {
    "model": pl.String, "task": pl.String, "metric": pl.String, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "samples": pl.Int64,
}  # fmt: skip
NORMAL = 1.96  # standard errors on each side of a figure, for an interval of 95 %


def tasks_of(settings: StandardTasks, language: str) -> list[str]:
    """lm-eval's names of the tasks in the language."""
    return [TASKS[task][language] for task in settings.tasks if language in TASKS[task]]


def check_tasks(job: Job) -> list[str]:
    """The tasks of the job's language.

    Raises SettingsError if lm-eval is missing, and InputError if the data are missing.
    """
    settings = job.section(EvalScores).standard_tasks
    tasks = tasks_of(settings, job.language or "")
    if tasks and not PACKAGES.is_dir():
        raise SettingsError("eval_scores.standard_tasks needs lm-eval, which is not installed: run `make lm_eval`")
    if tasks and settings.data and not (job.root / settings.data).is_dir():
        raise InputError(f"eval_scores.standard_tasks.data: {job.root / settings.data} is not a folder")
    return tasks


def task_scores(job: Job, models: Sequence[ComparedModel], tasks: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """Rows of SCHEMA, and how many tasks have no figures because lm-eval failed, summed over the models.

    Models at endpoints are left out, because lm-eval needs the probabilities of given answers, which chat requests do
    not return.
    """
    rows, missing = [pl.DataFrame(schema=SCHEMA)], 0
    for model in models if tasks else ():
        folder = folder_of(model, job)
        if folder is None:
            continue
        try:
            rows.append(_of_model(job, model, folder, tasks).with_columns(model=pl.lit(model.name)).select(*SCHEMA))
        except InputError as error:
            missing += len(tasks)
            print(f"warning: {model.name} has no figures of {', '.join(tasks)}: {error}", file=sys.stderr)
    return pl.concat(rows), missing


def _of_model(job: Job, model: ComparedModel, folder: Path, tasks: Sequence[str]) -> pl.DataFrame:
    settings = job.section(EvalScores).standard_tasks
    data = job.root / settings.data if settings.data else None
    work = partial(
        run_tasks, folder=folder, settings=settings, data=data, batch_size=job.section(TextGeneration).batch_size
    )
    key = f"{identity(model, folder)} {settings.key()} {hash_paths([data]) if data else ''}"
    return pl.concat(job.remembered([pl.DataFrame({"task": tasks})], work, depends_on=key))


def run_tasks(tasks: pl.DataFrame, folder: Path, settings: StandardTasks, data: Path | None, batch_size: int) -> Split:
    """Rows of SCHEMA without the column `model`. Raises InputError with lm-eval's last line if it fails."""
    with tempfile.TemporaryDirectory() as scratch:
        config, environment = Path(scratch, "config.yaml"), _environment()
        if data:
            # The default cache may hold a data set that was prepared from another folder of the same name.
            environment["HF_DATASETS_CACHE"] = str(Path(scratch, "datasets"))
        config.write_text(yaml.safe_dump(_config(tasks["task"].to_list(), folder, settings, batch_size, scratch)))
        done = subprocess.run(
            [sys.executable, "-m", "lm_eval", "run", "--config", str(config)],
            # lm-eval runs in this folder, where the hub id of a data set is also the path of its copy.
            cwd=data or scratch,
            env=environment,
            capture_output=True,
            text=True,
            preexec_fn=die_with_parent,
        )
        results = sorted(Path(scratch, "results").rglob("results_*.json"))
        if done.returncode or not results:
            last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no output")
            raise InputError(f"lm-eval failed on {folder}: {last.strip()[:300]}")
        figures = json.loads(results[-1].read_text(encoding="utf-8"))["results"]
    return Split(pl.DataFrame(_rows(tasks["task"].to_list(), figures), schema=_without_model()), no_drops())


def _without_model() -> dict[str, Any]:
    return {name: kind for name, kind in SCHEMA.items() if name != "model"}


def _environment() -> dict[str, str]:
    path = os.pathsep.join(part for part in (str(PACKAGES), os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, "PYTHONPATH": path}


def _config(tasks: list[str], folder: Path, settings: StandardTasks, batch_size: int, scratch: str) -> dict[str, Any]:
    return {
        "model": "hf",
        "model_args": {"pretrained": str(folder.absolute())},
        "tasks": tasks,
        "num_fewshot": settings.few_shot,
        "limit": settings.limit,
        "batch_size": batch_size,
        "output_path": str(Path(scratch, "results")),
    }


def _rows(tasks: list[str], figures: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each figure of a task.

    lm-eval names a figure `acc,none`, after the metric and a filter, and the error of that figure `acc_stderr,none`.
    """
    rows = []
    for task in tasks:
        for name, value in figures.get(task, {}).items():
            metric, _, filter_name = name.partition(",")
            error = figures[task].get(f"{metric}_stderr,{filter_name}")
            if filter_name and not metric.endswith("_stderr"):
                spread = NORMAL * error if isinstance(error, float) else None
                rows.append(
                    {
                        "task": task,
                        "metric": metric,
                        "value": float(value),
                        "low": None if spread is None else value - spread,
                        "high": None if spread is None else value + spread,
                        "samples": figures[task].get("sample_len"),
                    }
                )
    return rows
