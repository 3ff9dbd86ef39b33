"""Answers of the compared models to the same questions, their scores with intervals, and the verdicts of judges.

<language>/part-00000.parquet   the answers with their ratings; questions without an answer are dropped rows
<language>/tables/              scores, differences, verdicts, comparisons, agreement, tasks
<language>/scores.json          the main figures of these tables
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from stages.eval_scores.answers import answers_of
from stages.eval_scores.compared_models import folder_of
from stages.eval_scores.measures import Answered
from stages.eval_scores.publishing import publish
from stages.eval_scores.questions import all_questions
from stages.eval_scores.scoring import losses_of, rated_answers
from stages.eval_scores.settings import BASE, TUNED, EvalScores
from stages.eval_scores.standard_tasks import check_tasks, task_scores
from x_instruction.judging.settings import EVALUATOR, PEOPLE
from x_instruction.pairs.stop_rule import accepted_iteration
from x_instruction.runner.files import read_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import DROPS, write_shard

PARTITION = ("language",)


def run(job: Job) -> Outcome:
    assert job.language is not None
    settings, iteration, tasks = job.section(EvalScores), accepted_iteration(job), check_tasks(job)
    # A signal compares how likely a question is given its answer and given the first answers to other questions. The
    # tuned model comes first, so that these other answers are its answers, whichever model is rated.
    models = sorted(settings.models, key=lambda model: model.name != TUNED)
    for model in models:
        folder_of(model, job)  # finds a missing model before any long work begins
    seeds = job.rows("seed_pairs", job.language).table().filter(pl.col("split") == "held_out")
    questions, left_out = all_questions(settings.questions, seeds, job.language, job.root)
    answers = {model.name: answers_of(job, model, questions) for model in models}
    rated = rated_answers(job, pl.concat([of_model.frame for of_model in answers.values()]), iteration)
    write_shard(rated, job.staging / "part-00000.parquet")
    unanswered = pl.concat([left_out, *(of_model.unanswered for of_model in answers.values())])
    write_shard(unanswered, job.staging / DROPS / "part-00000.parquet")
    scored = {
        model.name: Answered(
            rated.filter(pl.col("model") == model.name),
            losses_of(job, model, answers[model.name].folder, seeds, questions),
        )
        for model in models
    }
    figures, missing = task_scores(job, models, tasks)
    facts = {
        **_facts({name: of_model.facts for name, of_model in answers.items()}),
        **publish(job, scored, rated, figures, iteration),
        "task_figures_missing": missing,
    }
    return Outcome(rows_in=questions.height * len(models) + left_out.height, facts=facts)


def _facts(by_model: dict[str, dict[str, Metric]]) -> dict[str, Metric]:
    """Each model's figures, prefixed with its name, and the number of cut questions, summed over all models."""
    cut = sum(int(facts["questions_cut"]) for facts in by_model.values())
    named = {f"{name}_{fact}": value for name, facts in by_model.items() for fact, value in facts.items()}
    return {**named, "questions_cut": cut}


def known(scores: dict[str, float | None]) -> dict[str, float]:
    return {figure: value for figure, value in scores.items() if value is not None}


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    results = read_json(job.staging / "scores.json")
    models, answers = results["models"], job.staged.table(["response"])
    base, tuned = known(models[BASE]), known(models[TUNED])
    return {
        **{f"{name}_{figure}": value for name, scores in models.items() for figure, value in known(scores).items()},
        **{f"{figure}_change": tuned[figure] - base[figure] for figure in tuned if figure in base},
        **_win_shares(results["pairwise"].get(EVALUATOR, {})),
        "questions_cut": outcome.facts["questions_cut"],
        "empty_answers_share": mean(answers["response"] == ""),
        "unanswered_share": job.staged.drop_counts().get("no_answer", 0) / max(1, outcome.rows_in or 0),
        "questions_left_out": sum(
            job.staged.drop_counts().get(reason, 0) for reason in ("no_question", "asked_before", "unknown_language")
        ),
        "verdicts_missing": _missing(results["pairwise"]),
        "human_verdicts_unmatched": outcome.facts["human_verdicts_unmatched"],
        "task_figures_missing": outcome.facts["task_figures_missing"],
        **_agreement_with_people(results["agreement"]),
    }


def _win_shares(pairwise: dict[str, Any]) -> dict[str, Metric]:
    return {
        f"win_share_against_{name.removeprefix(f'{TUNED}_against_')}": figures["win_share"]
        for name, figures in pairwise.items()
        if figures["win_share"] is not None
    }


def _agreement_with_people(agreed: dict[str, dict[str, Any]]) -> dict[str, Metric]:
    """Cohen's kappa between the evaluator and people, on pairs (`verdicts`) and on single answers (`levels`)."""
    kappas = {kind: agreed.get(f"{EVALUATOR}_and_{PEOPLE}_{kind}", {}).get("kappa") for kind in ("verdicts", "levels")}
    return {f"kappa_with_people_{kind}": value for kind, value in kappas.items() if value is not None}


def _missing(pairwise: dict[str, dict[str, Any]]) -> int:
    """The number of pairs without a verdict, over all judges."""
    comparisons: Sequence[dict[str, Any]] = [figures for judged in pairwise.values() for figures in judged.values()]
    return sum(int(figures["failures"]) for figures in comparisons)
