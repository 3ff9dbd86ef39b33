"""Rated pairs: every candidate pair with the evaluator's probabilities of best, flawed and worst.

The probabilities are those of three labels at one token position, calibrated with the pair's signals. The evaluator
writes no text, so no output can fail to parse.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from x_instruction.embeddings.settings import Embeddings
from x_instruction.embeddings.similarity import Similarity, without_similarities
from x_instruction.embeddings.vectors import VECTORS
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.identification import MODEL
from x_instruction.language.names import load_names
from x_instruction.language.settings import load_language
from x_instruction.models.settings import Prompts
from x_instruction.rating.calibration import LEVELS, Calibration, read_calibration
from x_instruction.rating.rate import add_ratings
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import similarities_wanted
from x_instruction.rating.surface import add_surface_signals
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import greatest, mean, spread
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.published import read_manifest
from x_instruction.runner.shards import Split, no_drops

PARTITION = ("iteration", "language")


def run(job: Job) -> Outcome:
    assert job.language is not None and job.iteration is not None
    evaluator = job.input("evaluator", iteration=job.iteration)
    language = load_language(job.language, job.language_pages)
    similarity = _similarity(job, evaluator) if similarities_wanted(job.section(Rating)) else None
    name, content = load_names(job.language_pages)[job.language], read_manifest(evaluator)["content"]
    with LazyEngine(evaluator, job.section(TextGeneration), job.settings.seed) as engine:
        outcome = job.map_frames(
            job.rows("candidate_pairs", job.language).frames(),
            partial(
                transform,
                engine=engine,
                calibration=read_calibration(evaluator),
                rating=job.section(Rating),
                prompts=job.section(Prompts),
                pages=job.language_pages,
                similarity=similarity,
            ),
            settings=[job.section(Rating), job.section(Prompts), job.section(TextGeneration)],
            depends_on=f"{content} {name} {language.model_dump_json()} {MODEL} {similarity and similarity.key()}",
        )
        return replace(outcome, facts=engine.facts(), made_by=engine.provenance())


def _similarity(job: Job, evaluator: Path) -> Similarity:
    """The evaluator's mean vectors, adapted to the `mean_pairs` candidates with the smallest ids.

    These are a random sample, because ids are hashes.
    """
    paths, limit = list(job.rows("candidate_pairs", job.language).checked_paths()), job.section(Embeddings).mean_pairs
    candidates = pl.scan_parquet(paths).select("id", "language", *VECTORS[:2])
    return Similarity.read(evaluator).adapted(candidates.bottom_k(limit, by="id").sort("id").collect())


def transform(
    frame: pl.DataFrame,
    engine: LazyEngine,
    calibration: Calibration,
    rating: Rating,
    prompts: Prompts,
    pages: Path,
    similarity: Similarity | None,
) -> Split:
    """Rates every row and drops none. The frame has the likelihoods and the vectors from candidate_pairs."""
    compared = similarity.score(frame) if similarity else without_similarities(frame)
    with_signals = add_surface_signals(compared.drop(VECTORS), pages)
    return Split(add_ratings(with_signals, engine, calibration, rating, prompts, load_names(pages)), no_drops())


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table = job.staged.table([*LEVELS, "rating"])
    sums = table.select(pl.sum_horizontal(LEVELS)).to_series()
    return {
        # Counted because NaN passes every threshold (Polars sorts it above numbers) and `greatest` ignores it.
        "rows_without_rating": int((~table.select(pl.all_horizontal(pl.all().is_finite())).to_series()).sum()),
        "largest_error_of_sum": greatest((sums - 1).abs()),
        "mean_rating": mean(table["rating"]),
        "rating_spread": spread(table["rating"]),
        **{
            f"{level}_share": mean(table[level] == table.select(pl.max_horizontal(LEVELS)).to_series())
            for level in LEVELS
        },
    }
