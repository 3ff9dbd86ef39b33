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

ADDED = ("repeats_question", "repeated_share", "similarity", "best", "flawed", "worst", "rating")
# An answer in another language than the one asked for, or one that only repeats its question.
NO_ANSWER = ~pl.col("in_language") | pl.col("repeats_question")


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
    return only_answers(with_repeats(rated, job.language_pages)).select(*answers.columns, *ADDED)


def with_repeats(answers: pl.DataFrame, pages: Path) -> pl.DataFrame:
    """Adds the column `repeats_question`: whether an answer only repeats its question."""
    return by_language(answers, pages, _with_repeats)


def _with_repeats(answers: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    return answers.with_columns(repeats_question(answers["response"], answers["instruction"], language))


def only_answers(answers: pl.DataFrame) -> pl.DataFrame:
    """Sets the `similarity` to 0 where NO_ANSWER is true; NaN stays NaN.

    Otherwise, an answer that repeats its question would be the most similar one.
    """
    none = pl.col("similarity").is_finite() & NO_ANSWER
    return answers.with_columns(similarity=pl.when(none).then(0.0).otherwise("similarity"))


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
