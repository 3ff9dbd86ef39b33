"""Rating pairs with an evaluator: three probabilities at one position, and their expectation."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stages.errors import SettingsError
from stages.files import read_json
from stages.prompts import PromptEncoder
from stages.settings import Settings
from stages.text_generation.lazy import LazyEngine

LEVELS = ("best", "flawed", "worst")


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


def temperature_of(evaluator: Path) -> float:
    """What the evaluator's probabilities are scaled by, as it was fitted on its held-out pairs."""
    return float(read_json(evaluator / "calibration.json")["temperature"])


def add_ratings(frame: pl.DataFrame, engine: LazyEngine, settings: Settings, temperature: float = 1.0) -> pl.DataFrame:
    """Columns best, flawed, worst (probabilities) and rating (their expected value) for pairs of a frame.

    The frame has `language`, `instruction` and `response`; `temperature` is the evaluator's own.
    """
    encoder = PromptEncoder(engine.tokenizer, settings.prompts, budget=settings.evaluator.training.max_tokens * 3 // 4)
    names = settings.prompts.language_names
    prompts = [
        encoder.rate(instruction, response, names[language])
        for language, instruction, response in frame.select("language", "instruction", "response").iter_rows()
    ]
    rows = engine.score(prompts, label_tokens(encoder, settings.evaluator.labels))
    columns = [pl.Series(level, [row[number] for row in rows], dtype=pl.Float64) for number, level in enumerate(LEVELS)]
    return with_rating(with_temperature(frame.with_columns(columns), temperature), settings.evaluator.values)


def with_rating(frame: pl.DataFrame, values: list[float]) -> pl.DataFrame:
    """Adds `rating`, the expectation of the levels' values."""
    rating = pl.sum_horizontal(pl.col(level) * value for level, value in zip(LEVELS, values, strict=True))
    return frame.with_columns(rating.alias("rating"))


def with_temperature(frame: pl.DataFrame, temperature: float) -> pl.DataFrame:
    """The probabilities scaled (Guo et al. 2017): above 1 less sure, below 1 surer; their order stays."""
    if temperature == 1.0:
        return frame
    scaled = frame.with_columns(pl.col(level) ** (1 / temperature) for level in LEVELS)
    total = pl.sum_horizontal(LEVELS)
    return scaled.with_columns(pl.col(level) / total for level in LEVELS)
