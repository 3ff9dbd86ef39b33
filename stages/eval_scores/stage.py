"""Answers of the base, the seed-only and the tuned model to the same questions, and their scores.

Open questions are asked in English, and the answer is requested in the language. Held-out seeds also have a reference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from stages.eval_scores.measures import MEASURES, Answered, pairwise
from stages.eval_scores.settings import EvalScores
from x_instruction.embeddings.similarity import without_similarities
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.sampling import answer_sampling
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.identification import in_language
from x_instruction.language.names import load_names
from x_instruction.language.settings import load_language
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.examples import Example
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Decoding, Prompts
from x_instruction.pairs.stop_rule import accepted_iteration
from x_instruction.pairs.training_pairs import response_examples, seed_pairs
from x_instruction.rating.calibration import read_calibration
from x_instruction.rating.likelihoods import OTHER_LIKELIHOOD
from x_instruction.rating.rate import add_ratings
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import SIGNALS, add_signals, similarities_wanted
from x_instruction.runner.content_ids import content_ids
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import write_shard

PARTITION = ("language",)

UNPUBLISHED = {*SIGNALS, OTHER_LIKELIHOOD} - {"similarity"}
TUNED, OTHERS = "tuned", ("base", "seed_only")


def run(job: Job) -> Outcome:
    assert job.language is not None
    questions = _questions(job, job.language)
    folders = _models(job)
    answers = {name: _answers(job, name, folder, questions) for name, folder in folders.items()}
    iteration = accepted_iteration(job)
    # The tuned model's answers come first: the other texts that a likelihood is compared with are taken from them.
    rated = _rated(job, pl.concat([frame for frame, _ in reversed(answers.values())]), iteration)
    write_shard(rated, job.staging / "part-00000.parquet")
    models = {
        name: Answered(folder, rated.filter(pl.col("model") == name), _held_out(job, folder))
        for name, folder in folders.items()
    }
    scores = {"judge": f"evaluator of {iteration}", **_scores(models, job.section(EvalScores).tie_margin)}
    write_json(job.staging / "scores.json", scores)
    facts = _facts({name: facts for name, (_, facts) in answers.items()})
    return Outcome(rows_in=questions.height * len(folders), facts=facts)


def _facts(by_model: dict[str, dict[str, Metric]]) -> dict[str, Metric]:
    """Each model's facts under its name, and the number of questions that were cut to fit a model, over all models."""
    cut = sum(int(facts["questions_cut"]) for facts in by_model.values())
    named = {f"{name}_{fact}": value for name, facts in by_model.items() for fact, value in facts.items()}
    return {**named, "questions_cut": cut}


def _models(job: Job) -> dict[str, Path]:
    """The compared models. The seed-only baseline is the first iteration's response model."""
    first = next(iter(job.settings.iterations))
    return {
        "base": job.input("base_model"),
        "seed_only": job.input("response_model", iteration=first),
        TUNED: job.input("tuned_model"),
    }


def _questions(job: Job, language: str) -> pl.DataFrame:
    """Columns kind (open, held_out), instruction, reference (empty for open ones)."""
    path = job.root / job.section(EvalScores).prompts
    if not path.exists():
        raise InputError(f"eval_scores.prompts: {path} does not exist; give a JSONL file with a column `prompt`")
    table = pl.read_ndjson(path, infer_schema_length=None)
    if "prompt" not in table.columns:
        raise InputError(f"eval_scores.prompts: {path} has no column `prompt`, but {', '.join(table.columns)}")
    prompts = table.head(job.section(EvalScores).prompts_limit)
    seeds = job.rows("seed_pairs", language).table().filter(pl.col("split") == "held_out")
    return pl.concat(
        [
            prompts.select(kind=pl.lit("open"), instruction="prompt", reference=pl.lit("")),
            seeds.select(kind=pl.lit("held_out"), instruction="instruction", reference="response"),
        ]
    )


def _answers(job: Job, name: str, folder: Path, questions: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Metric]]:
    """The questions with the `response` of the model in `folder`, and facts about its run."""
    prompts, language = job.section(Prompts), load_language(job.language or "", job.language_pages)
    english_name = load_names(job.language_pages)[language.code]
    with LazyEngine(folder, job.section(TextGeneration).of_several, job.settings.seed) as engine:
        encoder = PromptEncoder(engine.tokenizer, prompts, room=engine.room(job.section(Decoding).max_new_tokens))
        asked = [
            encoder.write_response(instruction, english_name, prompts.style_answer)
            for instruction in questions["instruction"]
        ]
        texts = engine.generate(asked, answer_sampling(job.section(Decoding), job.settings.seed, encoder))
        facts: dict[str, Metric] = {**engine.facts(), "questions_cut": encoder.cut}
    response = pl.Series("response", [text.text for text in texts], dtype=pl.String)
    answers = questions.select(
        pl.lit(language.code).alias("language"),
        pl.lit(name).alias("model"),
        "kind",
        "instruction",
        response,
        "reference",
        in_language(response, language).alias("in_language"),
        pl.Series("finish_reason", [text.finish_reason for text in texts], dtype=pl.String),
    )
    ids = content_ids(answers, "language", "model", "kind", "instruction", "reference")
    return answers.insert_column(0, ids), facts


def _rated(job: Job, answers: pl.DataFrame, iteration: str) -> pl.DataFrame:
    """The answers with the ratings of the iteration's evaluator."""
    evaluator, names = job.input("evaluator", iteration=iteration), load_names(job.language_pages)
    judging = (read_calibration(evaluator), job.section(Rating), job.section(Prompts), names)
    frame = add_signals(answers, job, evaluator)
    if not similarities_wanted(job.section(Rating)):
        frame = without_similarities(frame)
    with LazyEngine(evaluator, job.section(TextGeneration).of_several, job.settings.seed) as engine:
        return add_ratings(frame, engine, *judging).drop(UNPUBLISHED, strict=False)


def _held_out(job: Job, folder: Path) -> list[Example]:
    assert job.language is not None
    encoder = PromptEncoder(load_tokenizer(folder), job.section(Prompts))
    return response_examples(seed_pairs(job, "held_out", [job.language]), encoder, load_names(job.language_pages))


def _scores(models: dict[str, Answered], margin: float) -> dict[str, Any]:
    """Every measure of every model, and the tuned model's answers compared with each other model's."""
    tuned = models[TUNED].answers
    return {
        "models": {
            name: {figure: measure.compute(model) for figure, measure in MEASURES.items()}
            for name, model in models.items()
        },
        "pairwise": {f"{TUNED}_against_{name}": pairwise(tuned, models[name].answers, margin) for name in OTHERS},
    }


def known(scores: dict[str, float | None]) -> dict[str, float]:
    return {figure: value for figure, value in scores.items() if value is not None}


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    found = read_json(job.staging / "scores.json")
    models = found["models"]
    return {
        **{f"{name}_{figure}": value for name, scores in models.items() for figure, value in known(scores).items()},
        **{f"{figure}_change": value - models["base"][figure] for figure, value in known(models[TUNED]).items()},
        **{f"win_share_against_{name}": found["pairwise"][f"{TUNED}_against_{name}"]["win_share"] for name in OTHERS},
        "questions_cut": outcome.facts["questions_cut"],
        "empty_answers_share": mean(job.staged.table(["response"])["response"] == ""),
    }
