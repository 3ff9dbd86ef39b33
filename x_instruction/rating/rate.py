"""Rates pairs. A rating is the expected value of `rating.values` under the evaluator's calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.rating.calibration import LEVELS, Calibration
from x_instruction.rating.settings import Rating
from x_instruction.runner.errors import SettingsError


def label_tokens(encoder: PromptEncoder, labels: list[str]) -> list[int]:
    """The token of each label, in the order of LEVELS. Raises SettingsError unless these are three different tokens."""
    ids = [encoder.tokenizer(label, add_special_tokens=False)["input_ids"] for label in labels]
    for label, tokens in zip(labels, ids, strict=True):
        if len(tokens) != 1:
            raise SettingsError(
                f"rating.labels: {label!r} is {len(tokens)} tokens in this model; choose labels of one token each"
            )
    flat = [tokens[0] for tokens in ids]
    if len(set(flat)) != len(flat):
        raise SettingsError(f"rating.labels: {labels} are not three different tokens in this model; choose others")
    return flat


def add_ratings(
    frame: pl.DataFrame,
    engine: LazyEngine,
    calibration: Calibration,
    rating: Rating,
    prompts: Prompts,
    names: Mapping[str, str],
) -> pl.DataFrame:
    """Adds the columns `best`, `flawed`, `worst` (probabilities) and `rating` (the expected value) to a frame of pairs.

    The frame has `language` (a code of `names`), `instruction`, `response` and the signals that the calibration uses.
    """
    encoder = PromptEncoder(engine.tokenizer, prompts, rating.max_response_tokens, room=engine.room(1))
    questions = [
        encoder.rate(instruction, response, names[language])
        for language, instruction, response in frame.select("language", "instruction", "response").iter_rows()
    ]
    rows = engine.score(questions, label_tokens(encoder, rating.labels))
    columns = [pl.Series(level, [row[number] for row in rows], dtype=pl.Float64) for number, level in enumerate(LEVELS)]
    return with_rating(calibration.apply(frame.with_columns(columns)), rating.values)


def with_rating(frame: pl.DataFrame, values: list[float]) -> pl.DataFrame:
    """Adds the column `rating`: the expected value over the levels, whose `values` are in the order of LEVELS."""
    rating = pl.sum_horizontal(pl.col(level) * value for level, value in zip(LEVELS, values, strict=True))
    return frame.with_columns(rating.alias("rating"))
