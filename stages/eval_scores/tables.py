"""Computes the published tables of scores and differences, with intervals, from the values that the measures give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from stages.eval_scores.measures import MEASURES, Answered
from stages.eval_scores.settings import TUNED
from x_instruction.judging.intervals import Estimate, Observed, difference, estimate

ALL = "all"
SCORES = {
    "model": pl.String, "measure": pl.String, "asked_in": pl.String, "better": pl.String, "value": pl.Float64,
    "low": pl.Float64, "high": pl.Float64, "questions": pl.Int64,
}  # fmt: skip
DIFFERENCES = {
    "model": pl.String, "against": pl.String, "measure": pl.String, "asked_in": pl.String, "better": pl.String,
    "difference": pl.Float64, "low": pl.Float64, "high": pl.Float64, "questions": pl.Int64,
}  # fmt: skip


def score_tables(models: Mapping[str, Answered], resamples: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns rows of SCORES (every model and measure) and of DIFFERENCES (the tuned model and each other model).

    Each figure is computed over all questions and, if they are in several languages, also over those in each language.
    A model that has no value of a measure has no row for that measure.
    """
    observed = {
        (name, measure, asked_in): observation
        for name, model in models.items()
        for measure, asked_in, observation in _observed(model)
    }
    scores, differences = [], []
    for (name, measure, asked_in), observation in observed.items():
        keys = {"measure": measure, "asked_in": asked_in, "better": MEASURES[measure].better or "none"}
        if value := estimate(observation, resamples, seed):
            scores.append({"model": name, **keys, "value": value.value, **_interval(value)})
        tuned = observed.get((TUNED, measure, asked_in))
        if name != TUNED and tuned and (gain := difference(tuned, observation, resamples, seed)):
            differences.append({"model": TUNED, "against": name, **keys, "difference": gain.value, **_interval(gain)})
    return pl.DataFrame(scores, schema=SCORES), pl.DataFrame(differences, schema=DIFFERENCES)


def _interval(estimated: Estimate) -> dict[str, Any]:
    return {"low": estimated.low, "high": estimated.high, "questions": estimated.questions}


def _observed(model: Answered) -> Iterator[tuple[str, str, Observed]]:
    """Yields (measure, ALL, numbers) for each measure.

    If the questions are in several languages, it also yields (measure, language, numbers) for each of them.
    """
    asked = dict(model.answers.select("question_id", "asked_in").iter_rows())
    languages = sorted(set(asked.values()))
    for name, measure in MEASURES.items():
        observation = measure.observe(model)
        if observation is None:
            continue
        yield name, ALL, observation
        for language in languages if len(languages) > 1 else ():
            in_language = [question for question in observation.questions if asked.get(question) == language]
            if in_language:
                yield name, language, observation.of(in_language)


def values_of(scores: pl.DataFrame, models: list[str]) -> dict[str, dict[str, float | None]]:
    """Each model's figure of each measure over all questions; None if the model has no such figure."""
    over_all = scores.filter(pl.col("asked_in") == ALL)
    figures = {(model, measure): value for model, measure, value in over_all.select("model", "measure", "value").rows()}
    return {model: {measure: figures.get((model, measure)) for measure in MEASURES} for model in models}
