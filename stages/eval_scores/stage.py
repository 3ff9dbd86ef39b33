"""Answers of the base, the seed-only and the tuned model to the same questions, and their scores.

Open questions are asked in English with the answer wanted in the language; held-out seeds have a reference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from stages.eval_scores.measures import chrf, language_share, pairwise
from stages.eval_scores.settings import EvalScores
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.sampling import answer_sampling
from x_instruction.generation.settings import Decoding, TextGeneration
from x_instruction.language.identification import in_language
from x_instruction.language.names import load_names
from x_instruction.language.settings import load_language
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.measures import held_out_loss
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.pairs.stop_rule import accepted_iteration
from x_instruction.pairs.training_pairs import response_examples, seed_pairs
from x_instruction.rating.calibration import calibration_of
from x_instruction.rating.rate import add_ratings
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import SIGNALS, add_signals
from x_instruction.runner.content_ids import content_ids
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import write_shard

PARTITION = ("language",)

COMPARED = ("base", "seed_only", "tuned")


def run(job: Job) -> Outcome:
    assert job.language is not None
    questions = _questions(job, job.language)
    models = _models(job)
    answered = {name: _answers(job, name, folder, questions) for name, folder in models.items()}
    answers = pl.concat([frame for frame, _ in answered.values()])
    judge = accepted_iteration(job)
    evaluator = job.input("evaluator", iteration=judge)
    signed = add_signals(answers, job)
    with LazyEngine(evaluator, job.section(TextGeneration).of_several, job.settings.seed) as engine:
        rated = add_ratings(
            signed,
            engine,
            calibration_of(evaluator),
            job.section(Rating),
            job.section(Prompts),
            load_names(job.language_pages),
        )
    answers = rated.drop(SIGNALS, strict=False)
    write_shard(answers, job.staging / "part-00000.parquet")
    losses = {name: _loss(job, folder, job.language) for name, folder in models.items()}
    write_json(job.staging / "scores.json", _scores(answers, losses, judge, job.section(EvalScores).tie_margin))
    return Outcome(rows_in=questions.height * len(models), facts=_facts(answered))


def _facts(answered: dict[str, tuple[pl.DataFrame, dict[str, Metric]]]) -> dict[str, Metric]:
    """Facts of each model's run under its name, and how many questions were cut to fit a model, over all of them."""
    cut = sum(int(facts["questions_cut"]) for _, facts in answered.values())
    named = {f"{name}_{fact}": value for name, (_, facts) in answered.items() for fact, value in facts.items()}
    return {**named, "questions_cut": cut}


def _models(job: Job) -> dict[str, Path]:
    """The compared models. The seed-only baseline is the first iteration's response model."""
    first = next(iter(job.settings.iterations))
    folders = (job.input("base_model"), job.input("response_model", iteration=first), job.input("tuned_model"))
    return dict(zip(COMPARED, folders, strict=True))


def _questions(job: Job, language: str) -> pl.DataFrame:
    """Columns kind (open, held_out), instruction, reference (empty for open ones)."""
    path = job.root / job.section(EvalScores).prompts
    if not path.exists():
        raise InputError(f"eval_scores.prompts: {path} is not there; give a JSONL file with a column `prompt`")
    table = pl.read_ndjson(path, infer_schema_length=None)
    if "prompt" not in table.columns:
        raise InputError(f"eval_scores.prompts: {path} has no column `prompt`; met {', '.join(table.columns)}")
    open_ones = table.head(job.section(EvalScores).prompts_limit).select(
        pl.lit("open").alias("kind"), pl.col("prompt").alias("instruction"), pl.lit("").alias("reference")
    )
    held_out = job.rows("seed_pairs", language).table().filter(pl.col("split") == "held_out")
    return pl.concat(
        [
            open_ones,
            held_out.select(pl.lit("held_out").alias("kind"), "instruction", pl.col("response").alias("reference")),
        ]
    )


def _answers(job: Job, name: str, folder: Path, questions: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Metric]]:
    """A model's answers, and the facts of its run."""
    prompts = job.section(Prompts)
    language, names = job.language or "", load_names(job.language_pages)
    with LazyEngine(folder, job.section(TextGeneration).of_several, job.settings.seed) as engine:
        room = engine.room(job.section(Decoding).max_new_tokens)
        encoder = PromptEncoder(engine.tokenizer, prompts, room=room)
        asked = [
            encoder.write_response(instruction, names[language], prompts.style_answer)
            for instruction in questions["instruction"]
        ]
        texts = engine.generate(asked, answer_sampling(job.section(Decoding), job.settings.seed, encoder))
        facts: dict[str, Metric] = {**engine.facts(), "questions_cut": encoder.cut}
    response = pl.Series("response", [text.text for text in texts], dtype=pl.String)
    answers = questions.select(
        pl.lit(language).alias("language"),
        pl.lit(name).alias("model"),
        "kind",
        "instruction",
        response,
        "reference",
        in_language(response, load_language(language, job.language_pages)).alias("in_language"),
        pl.Series("finish_reason", [text.finish_reason for text in texts], dtype=pl.String),
    )
    ids = content_ids(answers, "language", "model", "kind", "instruction", "reference")
    return answers.insert_column(0, ids), facts


def _loss(job: Job, folder: Path, language: str) -> float:
    encoder = PromptEncoder(load_tokenizer(folder), job.section(Prompts))
    return held_out_loss(
        folder, response_examples(seed_pairs(job, "held_out", [language]), encoder, load_names(job.language_pages))
    )


def _scores(answers: pl.DataFrame, losses: dict[str, float], judge: str, margin: float) -> dict[str, Any]:
    by_model = {name: answers.filter(pl.col("model") == name) for name in COMPARED}
    return {
        "judge": f"evaluator of {judge}",
        "models": {
            name: {
                "language_share": language_share(table),
                "held_out_loss": losses[name],
                "chrf": chrf(table.filter(pl.col("kind") == "held_out")),
                "mean_characters": mean(table["response"].str.len_chars()),
                "mean_rating": mean(table["rating"]),
            }
            for name, table in by_model.items()
        },
        "pairwise": {
            f"tuned_against_{other}": pairwise(by_model["tuned"], by_model[other], margin)
            for other in COMPARED
            if other != "tuned"
        },
    }


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    found = read_json(job.staging / "scores.json")
    models = found["models"]
    table = job.staged.table(["response"])
    metrics: dict[str, Metric] = {
        f"{name}_{figure}": models[name][figure]
        for name in COMPARED
        for figure in ("language_share", "held_out_loss", "chrf")
    }
    metrics["held_out_loss_change"] = models["tuned"]["held_out_loss"] - models["base"]["held_out_loss"]
    metrics["questions_cut"] = outcome.facts["questions_cut"]
    metrics["empty_answers_share"] = mean(table["response"] == "")
    for other in ("base", "seed_only"):
        metrics[f"win_share_against_{other}"] = found["pairwise"][f"tuned_against_{other}"]["win_share"]
    return metrics
