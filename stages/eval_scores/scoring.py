"""Computes what the measures need: ratings and signals of each answer, and the loss of each held-out seed."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stages.eval_scores.compared_models import prompts_of
from stages.eval_scores.settings import SEEDS, ComparedModel
from x_instruction.embeddings.similarity import without_similarities
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.names import load_names
from x_instruction.language.settings import LanguageSettings
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.measures import example_losses
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.pairs.training_pairs import pairs_of, response_examples
from x_instruction.rating.by_language import by_language
from x_instruction.rating.calibration import read_calibration
from x_instruction.rating.rate import add_ratings
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import add_signals, similarities_wanted
from x_instruction.rating.surface import add_surface_signals
from x_instruction.runner.errors import InputError
from x_instruction.runner.job import Job
from x_instruction.words.repeated_questions import repeats_question

ADDED = ("repeated_share", "similarity", "best", "flawed", "worst", "rating")


def rated_answers(job: Job, answers: pl.DataFrame, iteration: str) -> pl.DataFrame:
    """Adds the columns of ADDED to the answers. The evaluator of `iteration` rates them."""
    evaluator, names = job.input("evaluator", iteration=iteration), load_names(job.language_pages)
    judging = (read_calibration(evaluator), job.section(Rating), job.section(Prompts), names)
    frame = add_signals(answers, job, evaluator)
    if not similarities_wanted(job.section(Rating)):
        frame = without_similarities(frame)
    if "repeated_share" not in frame.columns:
        frame = add_surface_signals(frame, job.language_pages)
    with LazyEngine(evaluator, job.section(TextGeneration).of_several, job.settings.seed) as engine:
        rated = add_ratings(frame, engine, *judging)
    counted = without_repetitions(only_in_language(rated), job.language_pages)
    return counted.select(*answers.columns, *ADDED)


def only_in_language(answers: pl.DataFrame) -> pl.DataFrame:
    """Sets the `similarity` of answers in another language to 0; NaN stays NaN.

    Otherwise, an answer that repeats an English question would be the most similar one.
    """
    return answers.with_columns(_zero_where(~pl.col("in_language")))


def without_repetitions(answers: pl.DataFrame, pages: Path) -> pl.DataFrame:
    """Sets the `similarity` of answers that only repeat their question to 0; NaN stays NaN."""
    return by_language(answers, pages, _without_repetitions)


def _without_repetitions(answers: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    repeats = repeats_question(answers["response"], answers["instruction"], language)
    return answers.with_columns(_zero_where(pl.lit(repeats)))


def _zero_where(condition: pl.Expr) -> pl.Expr:
    finite = pl.col("similarity").is_finite()
    return pl.when(finite & condition).then(0.0).otherwise("similarity").alias("similarity")


def losses_of(
    job: Job, model: ComparedModel, folder: Path | None, seeds: pl.DataFrame, questions: pl.DataFrame
) -> pl.DataFrame | None:
    """The loss of each held-out response: columns question_id, instruction, reference, nats and tokens.

    Returns None for a model from outside the pipeline. Raises InputError if there is no held-out seed.
    """
    assert job.language is not None
    if folder is None or not model.artifact:
        return None
    if seeds.is_empty():
        raise InputError("there is no held-out seed: raise seed_pairs.held_out_share or add seeds")
    encoder = PromptEncoder(load_tokenizer(folder), prompts_of(model, job.section(Prompts)))
    pairs = list(pairs_of(seeds, job.language, job.section(Prompts).style_seed))
    measured = example_losses(folder, response_examples(pairs, encoder, load_names(job.language_pages)))
    losses = seeds.select("instruction", reference="response").hstack(
        pl.DataFrame(measured, schema={"nats": pl.Float64, "tokens": pl.Int64}, orient="row")
    )
    held_out = questions.filter(pl.col("questions") == SEEDS).select("question_id", "instruction", "reference")
    keys = ["instruction", "reference"]
    return held_out.join(losses.unique(keys, maintain_order=True), on=keys, how="inner", maintain_order="left")
