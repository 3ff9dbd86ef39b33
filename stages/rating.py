"""Rating pairs with an evaluator: three probabilities at one position, and their expectation."""

from __future__ import annotations

import polars as pl

from stages.errors import SettingsError
from stages.prompts import PromptEncoder
from stages.settings import LANGUAGES, Settings
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


def add_ratings(frame: pl.DataFrame, engine: LazyEngine, settings: Settings) -> pl.DataFrame:
    """Columns best, flawed, worst (probabilities) and rating (their expected value) for pairs of a frame.

    The frame has `language`, `instruction` and `response`.
    """
    encoder = PromptEncoder(engine.tokenizer, settings.prompts, budget=settings.evaluator.training.max_tokens * 3 // 4)
    prompts = [
        encoder.rate(instruction, response, LANGUAGES[language])
        for language, instruction, response in frame.select("language", "instruction", "response").iter_rows()
    ]
    rows = engine.score(prompts, label_tokens(encoder, settings.evaluator.labels))
    columns = [pl.Series(level, [row[number] for row in rows], dtype=pl.Float64) for number, level in enumerate(LEVELS)]
    values = zip(LEVELS, settings.evaluator.values, strict=True)
    rating = pl.sum_horizontal(pl.col(level) * value for level, value in values)
    return frame.with_columns(columns).with_columns(rating.alias("rating"))
