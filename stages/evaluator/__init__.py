"""The evaluator of an iteration: trained on the three-level rating set, measured on held-out rated pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from stages.evaluator.measures import scores
from stages.evaluator.rating_set import RatedPair, held_out_set, training_set
from stages.files import read_json, write_json
from stages.fine_tuning import fine_tune
from stages.gate import Metric
from stages.job import Job
from stages.model_facts import model_facts
from stages.models import load_tokenizer
from stages.pairs import Pair, learned_pairs, seed_pairs
from stages.prompts import Example, PromptEncoder
from stages.rating import LEVELS, add_ratings, label_tokens
from stages.settings import LANGUAGES
from stages.text_generation import Sampling
from stages.text_generation.lazy import LazyEngine


def run(job: Job) -> None:
    settings = job.settings.evaluator
    pairs = learned_pairs(job)
    rated = training_set(
        pairs, _answers(job, pairs), settings.defects.model_dump(), settings.rated_pairs, job.settings.seed
    )
    start = _start(job)
    encoder = PromptEncoder(load_tokenizer(start), job.settings.prompts, budget=settings.training.max_tokens * 3 // 4)
    examples = _examples(rated, encoder, label_tokens(encoder, settings.labels))
    job.facts.update(fine_tune(start, examples, job.staging, settings.training, job.settings.seed))
    _measure_held_out(job)


def _start(job: Job) -> Path:
    if job.settings.evaluator.start_from == "response_model":
        return job.input("response_model", iteration=job.iteration)
    return job.input("base_model")


def _answers(job: Job, pairs: list[Pair]) -> dict[str, str]:
    """The current response model's own answers, by the pair's id: reasonable, but flawed."""
    own = job.settings.decoding
    model = job.input("response_model", iteration=job.iteration)
    with LazyEngine(model, job.settings.text_generation, job.settings.seed) as engine:
        encoder = PromptEncoder(engine.tokenizer, job.settings.prompts)
        prompts = [encoder.write_response(pair.instruction, LANGUAGES[pair.language], pair.style) for pair in pairs]
        sampling = Sampling(
            own.temperature, own.top_p, own.max_new_tokens, tuple(encoder.end), job.settings.seed, own.no_repeat_ngram
        )
        texts = engine.generate(prompts, sampling)
    return {pair.id: text.text for pair, text in zip(pairs, texts, strict=True) if text.text}


def _examples(rated: list[RatedPair], encoder: PromptEncoder, labels: list[int]) -> list[Example]:
    token = dict(zip(LEVELS, labels, strict=True))
    return [
        Example(encoder.rate(one.pair.instruction, one.response, LANGUAGES[one.pair.language]), [token[one.level]])
        for one in rated
    ]


def _measure_held_out(job: Job) -> None:
    """Rate the held-out set with the new evaluator; scores.json and the rated pairs go beside the model."""
    frame = _frame(held_out_set(seed_pairs(job, "held_out"), job.settings.seed))
    with LazyEngine(job.staging, job.settings.text_generation, job.settings.seed) as engine:
        rated = add_ratings(frame, engine, job.settings)
    threshold = job.settings.refined_pairs.min_rating
    found: dict[str, Any] = scores(rated, threshold)
    found["by_language"] = {
        language: scores(rated.filter(pl.col("language") == language), threshold) for language in job.settings.languages
    }
    rated.write_parquet(job.staging / "held_out.parquet")
    write_json(job.staging / "scores.json", found)


def _frame(rated: list[RatedPair]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "language": [one.pair.language for one in rated],
            "instruction": [one.pair.instruction for one in rated],
            "response": [one.response for one in rated],
            "level": [one.level for one in rated],
            "defect": [one.defect for one in rated],
        }
    )


def measure(job: Job) -> dict[str, Metric]:
    found = read_json(job.staging / "scores.json")
    by_defect = {f"auc_{defect}": value for defect, value in found["auc_by_defect"].items() if value is not None}
    figures = {name: found[name] for name in ("pairs", "precision", "recall", "auc", "auc_surface")}
    return {
        **model_facts(job.staging),
        **{name: value for name, value in figures.items() if value is not None},
        **by_defect,
    }
