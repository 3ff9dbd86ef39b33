"""Answers of the compared models to the same questions, their scores with intervals, and the verdicts of judges.

<language>/part-00000.parquet   the answers with their ratings; questions that were not answered are drops
<language>/tables/              scores, differences, verdicts, comparisons, agreement
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from stages.eval_scores.answers import Answers, answers_of
from stages.eval_scores.compared_models import folder_of, prompts_of
from stages.eval_scores.comparing import judges_agreement, verdicts_of
from stages.eval_scores.measures import Answered
from stages.eval_scores.questions import all_questions
from stages.eval_scores.settings import BASE, SEEDS, TUNED, ComparedModel, EvalScores
from stages.eval_scores.tables import score_tables, values_of
from x_instruction.embeddings.similarity import without_similarities
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.settings import TextGeneration
from x_instruction.judging.comparisons import comparisons_of
from x_instruction.judging.people import HumanVerdicts, no_human_verdicts, read_verdicts
from x_instruction.judging.settings import EVALUATOR, PEOPLE
from x_instruction.language.names import load_names
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.measures import example_losses
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.pairs.stop_rule import accepted_iteration
from x_instruction.pairs.training_pairs import pairs_of, response_examples
from x_instruction.rating.calibration import read_calibration
from x_instruction.rating.rate import add_ratings
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import add_signals, similarities_wanted
from x_instruction.rating.surface import add_surface_signals
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import DROPS, write_shard

PARTITION = ("language",)

PUBLISHED = ("repeated_share", "similarity", "best", "flawed", "worst", "rating")


def run(job: Job) -> Outcome:
    assert job.language is not None
    settings, iteration = job.section(EvalScores), accepted_iteration(job)
    models = sorted(settings.models, key=lambda model: model.name != TUNED)
    for model in models:
        folder_of(model, job)  # a missing model is found before anything long begins
    seeds = job.rows("seed_pairs", job.language).table().filter(pl.col("split") == "held_out")
    questions, left_out = all_questions(settings.questions, seeds, job.language, job.root)
    answers = {model.name: answers_of(job, model, questions) for model in models}
    # The tuned model's answers come first: the other texts that a likelihood is compared with are taken from them.
    rated = _rated(job, pl.concat([found.frame for found in answers.values()]), iteration)
    write_shard(rated, job.staging / "part-00000.parquet")
    unanswered = pl.concat([left_out, *(found.unanswered for found in answers.values())])
    write_shard(unanswered, job.staging / DROPS / "part-00000.parquet")
    scored = {
        model.name: Answered(
            rated.filter(pl.col("model") == model.name), _losses(job, model, answers[model.name], seeds, questions)
        )
        for model in models
    }
    facts = {
        **_facts({name: found.facts for name, found in answers.items()}),
        **_publish(job, scored, rated, iteration),
    }
    return Outcome(rows_in=questions.height * len(models) + left_out.height, facts=facts)


def _facts(by_model: dict[str, dict[str, Metric]]) -> dict[str, Metric]:
    """Each model's facts under its name, and the number of questions that were cut to fit a model, over all models."""
    cut = sum(int(facts["questions_cut"]) for facts in by_model.values())
    named = {f"{name}_{fact}": value for name, facts in by_model.items() for fact, value in facts.items()}
    return {**named, "questions_cut": cut}


def _rated(job: Job, answers: pl.DataFrame, iteration: str) -> pl.DataFrame:
    """The answers with the ratings of the iteration's evaluator."""
    evaluator, names = job.input("evaluator", iteration=iteration), load_names(job.language_pages)
    judging = (read_calibration(evaluator), job.section(Rating), job.section(Prompts), names)
    frame = add_signals(answers, job, evaluator)
    if not similarities_wanted(job.section(Rating)):
        frame = without_similarities(frame)
    if "repeated_share" not in frame.columns:
        frame = add_surface_signals(frame, job.language_pages)
    with LazyEngine(evaluator, job.section(TextGeneration).of_several, job.settings.seed) as engine:
        return add_ratings(frame, engine, *judging).select(*answers.columns, *PUBLISHED)


def _losses(
    job: Job, model: ComparedModel, answers: Answers, seeds: pl.DataFrame, questions: pl.DataFrame
) -> pl.DataFrame | None:
    """Columns question_id, nats and tokens of the held-out responses; None for a model from elsewhere."""
    assert job.language is not None
    if answers.folder is None or not model.artifact:
        return None
    if seeds.is_empty():
        raise InputError("there is no held-out seed: raise seed_pairs.held_out_share or add seeds")
    encoder = PromptEncoder(load_tokenizer(answers.folder), prompts_of(model, job.section(Prompts)))
    pairs = list(pairs_of(seeds, job.language, job.section(Prompts).style_seed))
    found = example_losses(answers.folder, response_examples(pairs, encoder, load_names(job.language_pages)))
    held_out = questions.filter(pl.col("questions") == SEEDS).select("question_id", "instruction", "reference")
    losses = seeds.select("instruction", reference="response").hstack(
        pl.DataFrame(found, schema={"nats": pl.Float64, "tokens": pl.Int64}, orient="row")
    )
    return held_out.join(losses.unique(["instruction", "reference"]), on=["instruction", "reference"], how="inner")


def _publish(job: Job, models: dict[str, Answered], rated: pl.DataFrame, iteration: str) -> dict[str, Metric]:
    """Writes the tables and the metrics. Returns facts about the judges' requests."""
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
    }
    for name, table in tables.items():
        write_shard(table, job.staging / "tables" / f"{name}.parquet")
    figures = {
        "judge": f"{EVALUATOR} of {iteration}",
        "models": values_of(scores, list(models)),
        "pairwise": _pairwise(comparisons),
        "agreement": _agreement(agreed),
    }
    write_json(job.staging / "scores.json", figures)
    return {**facts, "human_verdicts_unmatched": people.unmatched}


def _people(job: Job, rated: pl.DataFrame) -> HumanVerdicts:
    path = job.section(EvalScores).human_verdicts
    if path is None:
        return no_human_verdicts()
    return read_verdicts(job.root / path, job.language or "", rated, "eval_scores.human_verdicts")


def _pairwise(comparisons: pl.DataFrame) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in comparisons.iter_rows(named=True):
        judge, model, against = (row.pop(name) for name in ("judge", "model", "against"))
        found.setdefault(judge, {})[f"{model}_against_{against}"] = row
    return found


def _agreement(agreed: pl.DataFrame) -> dict[str, Any]:
    return {
        f"{judge}_and_{other}_{kind}": {"kappa": kappa, "alpha": alpha, "items": items}
        for judge, other, kind, kappa, alpha, items in agreed.iter_rows()
    }


def known(scores: dict[str, float | None]) -> dict[str, float]:
    return {figure: value for figure, value in scores.items() if value is not None}


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    found = read_json(job.staging / "scores.json")
    models, answers = found["models"], job.staged.table(["response"])
    base, tuned = known(models[BASE]), known(models[TUNED])
    return {
        **{f"{name}_{figure}": value for name, scores in models.items() for figure, value in known(scores).items()},
        **{f"{figure}_change": tuned[figure] - base[figure] for figure in tuned if figure in base},
        **_win_shares(found["pairwise"].get(EVALUATOR, {})),
        "questions_cut": outcome.facts["questions_cut"],
        "empty_answers_share": mean(answers["response"] == ""),
        "unanswered_share": job.staged.drop_counts().get("no_answer", 0) / max(1, outcome.rows_in or 0),
        "questions_left_out": sum(
            job.staged.drop_counts().get(reason, 0) for reason in ("no_question", "asked_before")
        ),
        "verdicts_missing": _missing(found["pairwise"]),
        "human_verdicts_unmatched": outcome.facts["human_verdicts_unmatched"],
        **_agreement_with_people(found["agreement"]),
    }


def _win_shares(pairwise: dict[str, Any]) -> dict[str, Metric]:
    return {
        f"win_share_against_{name.removeprefix(f'{TUNED}_against_')}": figures["win_share"]
        for name, figures in pairwise.items()
        if figures["win_share"] is not None
    }


def _agreement_with_people(agreed: dict[str, dict[str, Any]]) -> dict[str, Metric]:
    """Cohen's kappa of the evaluator and people, on pairs (`verdicts`) and on single answers (`levels`)."""
    found = {kind: agreed.get(f"{EVALUATOR}_and_{PEOPLE}_{kind}", {}).get("kappa") for kind in ("verdicts", "levels")}
    return {f"kappa_with_people_{kind}": value for kind, value in found.items() if value is not None}


def _missing(pairwise: dict[str, dict[str, Any]]) -> int:
    """Pairs without a verdict, over all judges."""
    comparisons: Sequence[dict[str, Any]] = [one for judged in pairwise.values() for one in judged.values()]
    return sum(int(one["failures"]) for one in comparisons)
