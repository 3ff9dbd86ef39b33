"""Texts beyond a model's context are cut in every prompt; a long question does not stop a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from stages.eval_scores import stage as eval_scores
from stages.params import Settings
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.rating.calibration import LEVELS, Calibration
from x_instruction.rating.rate import add_ratings
from x_instruction.runner.job import Job

LONG = "Why is it so, and since when? " * 100  # the model reads 256 characters


def test_a_pair_longer_than_the_model_is_rated(settings: Settings, taught_model: Path) -> None:
    rating = settings.rating.model_copy(update={"labels": ["A", "B", "C"], "signals": ()})
    pairs = pl.DataFrame({"language": ["fi"] * 2, "instruction": [LONG, "Say."], "response": [LONG, LONG]})
    with LazyEngine(taught_model, settings.text_generation, 1) as engine:
        rated = add_ratings(pairs, engine, Calibration(), rating, settings.prompts, {"fi": "Finnish"})
    assert rated.select(pl.sum_horizontal(LEVELS)).to_series().to_list() == pytest.approx([1, 1])


def test_a_question_longer_than_the_model_is_answered(
    make_job: Callable[..., Job], settings: Settings, taught_model: Path
) -> None:
    job = make_job("eval_scores", decoding=settings.decoding.model_copy(update={"max_new_tokens": 8}))
    questions = pl.DataFrame({"kind": ["open"], "instruction": [LONG], "reference": [""]})
    answers, facts = eval_scores._answers(job, "tuned", taught_model, questions)
    assert (answers.height, facts["questions_cut"]) == (1, 1)
    _, facts = eval_scores._answers(job, "base", taught_model, questions.with_columns(instruction=pl.lit("Say.")))
    assert facts["questions_cut"] == 0
