"""Texts longer than a model's context are cut in every prompt, and a long question does not stop a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from stages.eval_scores.answers import answers_of
from stages.eval_scores.questions import all_questions
from stages.eval_scores.settings import ComparedModel, Questions
from stages.params import Settings
from tests.conftest import ROOT
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.rating.calibration import LEVELS, Calibration
from x_instruction.rating.rate import add_ratings
from x_instruction.runner.job import Job

LONG = "Why is it so, and since when? " * 100  # longer than the model's context of 256 tokens, which are bytes


def test_a_pair_longer_than_the_context_is_rated(settings: Settings, taught_model: Path) -> None:
    rating = settings.rating.model_copy(update={"labels": ["A", "B", "C"], "signals": ()})
    pairs = pl.DataFrame({"language": ["fi"] * 2, "instruction": [LONG, "Say."], "response": [LONG, LONG]})
    with LazyEngine(taught_model, settings.text_generation, 1) as engine:
        rated = add_ratings(pairs, engine, Calibration(), rating, settings.prompts, {"fi": "Finnish"})
    assert rated.select(pl.sum_horizontal(LEVELS)).to_series().to_list() == pytest.approx([1, 1])


def test_a_question_longer_than_the_context_is_answered(
    make_job: Callable[..., Job], settings: Settings, taught_model: Path
) -> None:
    job = make_job("eval_scores", decoding=settings.decoding.model_copy(update={"max_new_tokens": 8}))
    model = ComparedModel(name="other", model=str(taught_model))
    questions, _ = all_questions(
        [Questions(name="prompts", path="data/sample/eval_prompts.jsonl", limit=1)],
        pl.DataFrame(schema={"instruction": pl.String, "response": pl.String}),
        "fi",
        ROOT,
    )
    for instruction, cut in ((LONG, 1), ("Say.", 0)):
        found = answers_of(job, model, questions.with_columns(instruction=pl.lit(instruction)))
        assert (found.frame.height, found.facts["questions_cut"]) == (1, cut)
