"""Tests whether vLLM and transformers agree on a real model: Gemma 3 270M on the CPU, in float32 and bfloat16.

Both engines rate the same pairs, compute the likelihoods of the same instructions, and greedily write instructions for
the same texts: seeds of the sample in Finnish, Swahili and Hindi. In bfloat16 the engines round in a different order,
so two almost equally likely tokens can change places, after which the greedy texts differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from stages.params import Settings, validated
from tests.benchmarks.gemma import gemma_checkpoint
from tests.benchmarks.project_copy import merged
from tests.benchmarks.real_model_project import DEFAULT, DEFAULT_TEXTS, settings
from tests.benchmarks.table import ROOT, Row
from x_instruction.generation.interface import Sampling
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.language.names import load_names
from x_instruction.models.prompts import PromptEncoder
from x_instruction.pairs.training_pairs import Pair, pairs_of
from x_instruction.rating.rate import label_tokens

TYPES = ("float32", "bfloat16")
PAIRS = 8  # per language
NEW_TOKENS = 24
MOST_DIFFERENT_RATING = 0.01
MOST_DIFFERENT_NATS = 0.01


@dataclass(frozen=True)
class Found:
    """An engine's results for each pair: rating, likelihood of the instruction in nats per token, and text written."""

    ratings: list[float]
    likelihoods: list[float]
    texts: list[str]


def run() -> list[Row]:
    chosen, pairs = real_settings(), sample_pairs()
    rows = []
    for dtype in TYPES:
        model = gemma_checkpoint(dtype)
        ours, other = (read_and_write(model, chosen, pairs, backend) for backend in ("vllm", "transformers"))
        rows += rows_of(dtype, ours, other)
    return rows


def real_settings() -> Settings:
    """The settings of the benchmark real_model."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return validated(merged(params, settings(DEFAULT, DEFAULT_TEXTS)), ROOT / "params.yaml")


def sample_pairs(number: int = PAIRS) -> list[Pair]:
    """The first `number` seeds of the sample in each language of DEFAULT."""
    return [
        pair
        for code in DEFAULT
        for pair in pairs_of(
            pl.read_ndjson(ROOT / "data" / "sample" / "seeds" / f"{code}.jsonl")
            .head(number)
            .with_row_index("id")
            .with_columns(pl.col("id").cast(pl.String)),
            code,
            "",
        )
    ]


def read_and_write(model: Path, chosen: Settings, pairs: Sequence[Pair], backend: str) -> Found:
    engine_settings = chosen.text_generation.model_copy(update={"backend": backend, "max_model_length": 512})
    names = load_names(ROOT / "languages")
    with LazyEngine(model, engine_settings, chosen.seed) as engine:
        encoder = PromptEncoder(engine.tokenizer, chosen.prompts, budget=chosen.prompts.max_response_tokens)
        rated = [encoder.rate(pair.instruction, pair.response, names[pair.language]) for pair in pairs]
        asked = [encoder.write_instruction(pair.response) for pair in pairs]
        shares = engine.score(rated, label_tokens(encoder, chosen.rating.labels))
        likelihoods = engine.likelihood(asked, [encoder.completed(pair.instruction) for pair in pairs])
        written = engine.generate(asked, Sampling(0.0, 1.0, NEW_TOKENS, encoder.stop, chosen.seed))
    ratings = [sum(share * value for share, value in zip(row, chosen.rating.values, strict=True)) for row in shares]
    return Found(ratings, likelihoods, [text.text for text in written])


def rows_of(dtype: str, ours: Found, other: Found) -> list[Row]:
    """The largest differences between two engines, and the number of equal texts."""
    equal = sum(one == two for one, two in zip(ours.texts, other.texts, strict=True))
    note = f"the bound; vLLM and transformers, {len(ours.texts)} pairs"
    return [
        Row(f"{dtype}, ratings", "difference", furthest(ours.ratings, other.ratings), MOST_DIFFERENT_RATING, note),
        Row(
            f"{dtype}, likelihoods",
            "nats/token",
            furthest(ours.likelihoods, other.likelihoods),
            MOST_DIFFERENT_NATS,
            note,
        ),
        Row(
            f"{dtype}, equal greedy texts",
            "texts",
            float(equal),
            float(len(ours.texts)),
            f"all texts, {NEW_TOKENS} tokens each",
        ),
    ]


def furthest(ours: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(one - two) for one, two in zip(ours, other, strict=True))
