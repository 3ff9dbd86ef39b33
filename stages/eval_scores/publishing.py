"""Computes the tables and figures of an evaluation from the rated answers and the verdicts on them, and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from stages.eval_scores.compared_models import folder_of, identity
from stages.eval_scores.comparing import judges_agreement, verdicts_of
from stages.eval_scores.measures import Answered
from stages.eval_scores.settings import EvalScores
from stages.eval_scores.tables import score_tables, values_of
from x_instruction.judging.comparisons import comparisons_of
from x_instruction.judging.people import HumanVerdicts, no_human_verdicts, read_verdicts
from x_instruction.judging.settings import EVALUATOR
from x_instruction.runner.files import write_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard


def publish(
    job: Job, models: Mapping[str, Answered], rated: pl.DataFrame, tasks: pl.DataFrame, iteration: str
) -> dict[str, Metric]:
    """Writes tables/ and scores.json to the staging folder.

    Returns the numbers and cost of the requests to judges, and how many human verdicts match no answer.
    """
    resamples, seed = job.section(EvalScores).bootstrap_samples, job.settings.seed
    scores, differences = score_tables(models, resamples, seed)
    verdicts, facts = verdicts_of(job, rated)
    people = _people(job, rated)
    verdicts = pl.concat([verdicts, people.verdicts()])
    agreed = pl.concat([judges_agreement(verdicts), people.agreement(rated)])
    lengths = rated.select("question_id", "model", characters=pl.col("response").str.len_chars().cast(pl.Int64))
    comparisons = comparisons_of(verdicts, lengths, resamples, seed)
    tables = {
        "scores": scores,
        "differences": differences,
        "verdicts": verdicts,
        "comparisons": comparisons,
        "agreement": agreed,
        "tasks": tasks,
    }
    for name, table in tables.items():
        write_shard(table, job.staging / "tables" / f"{name}.parquet")
    figures = {
        "judge": f"{EVALUATOR} of {iteration}",
        "contents": _contents(job),
        "models": values_of(scores, list(models)),
        "pairwise": _pairwise(comparisons),
        "agreement": _agreement(agreed),
        "tasks": _tasks(tasks),
    }
    write_json(job.staging / "scores.json", figures)
    return {**facts, "human_verdicts_unmatched": people.unmatched}


def _contents(job: Job) -> dict[str, str]:
    """The content hash of each compared model of this pipeline. `release` finds the scores of a model by its hash."""
    models = [model for model in job.section(EvalScores).models if model.artifact]
    return {model.name: identity(model, folder_of(model, job)) for model in models}


def _people(job: Job, rated: pl.DataFrame) -> HumanVerdicts:
    path = job.section(EvalScores).human_verdicts
    if path is None:
        return no_human_verdicts()
    return read_verdicts(job.root / path, job.language or "", rated, "eval_scores.human_verdicts")


def _pairwise(comparisons: pl.DataFrame) -> dict[str, dict[str, Any]]:
    by_judge: dict[str, dict[str, Any]] = {}
    for row in comparisons.iter_rows(named=True):
        judge, model, against = (row.pop(name) for name in ("judge", "model", "against"))
        by_judge.setdefault(judge, {})[f"{model}_against_{against}"] = row
    return by_judge


def _agreement(agreed: pl.DataFrame) -> dict[str, Any]:
    return {
        f"{judge}_and_{other}_{kind}": {"kappa": kappa, "alpha": alpha, "items": items}
        for judge, other, kind, kappa, alpha, items in agreed.iter_rows()
    }


def _tasks(tasks: pl.DataFrame) -> dict[str, dict[str, float]]:
    by_model: dict[str, dict[str, float]] = {}
    for model, task, metric, value in tasks.select("model", "task", "metric", "value").iter_rows():
        by_model.setdefault(model, {})[f"{task}_{metric}"] = value
    return by_model
