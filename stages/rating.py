"""Rating pairs with an evaluator: three probabilities at one position, calibrated, and their expectation."""

from __future__ import annotations

import polars as pl

from stages.calibration import LEVELS, Calibration
from stages.errors import SettingsError
from stages.prompts import PromptEncoder
from stages.settings import Settings
from stages.text_generation.lazy import LazyEngine


def label_tokens(encoder: PromptEncoder, labels: list[str]) -> list[int]:
    """The one token of each label, in the order of LEVELS."""
    ids = [encoder.tokenizer(label, add_special_tokens=False)["input_ids"] for label in labels]
    for label, tokens in zip(labels, ids, strict=True):
        if len(tokens) != 1:
            raise SettingsError(
                f"evaluator.labels: {label!r} is {len(tokens)} tokens in this model; choose one-token labels"
            )
    flat = [tokens[0] for tokens in ids]
    if len(set(flat)) != len(flat):
        raise SettingsError(f"evaluator.labels: {labels} are not three different tokens in this model")
    return flat


def add_ratings(frame: pl.DataFrame, engine: LazyEngine, settings: Settings, calibration: Calibration) -> pl.DataFrame:
    """Columns best, flawed, worst (probabilities) and rating (their expected value) for pairs of a frame.

    The frame has `language`, `instruction`, `response` and the signs that the calibration, the evaluator's own, weighs.
    """
    budget = settings.evaluator.training.max_tokens * 3 // 4
    encoder = PromptEncoder(engine.tokenizer, settings.prompts, budget, room=engine.room(1))
    names = settings.prompts.language_names
    prompts = [
        encoder.rate(instruction, response, names[language])
        for language, instruction, response in frame.select("language", "instruction", "response").iter_rows()
    ]
    rows = engine.score(prompts, label_tokens(encoder, settings.evaluator.labels))
    columns = [pl.Series(level, [row[number] for row in rows], dtype=pl.Float64) for number, level in enumerate(LEVELS)]
    return with_rating(calibration.applied(frame.with_columns(columns)), settings.evaluator.values)


def with_rating(frame: pl.DataFrame, values: list[float]) -> pl.DataFrame:
    """Adds `rating`, the expectation of the levels' values."""
    rating = pl.sum_horizontal(pl.col(level) * value for level, value in zip(LEVELS, values, strict=True))
    return frame.with_columns(rating.alias("rating"))
