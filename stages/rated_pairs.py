"""Rated pairs: for each candidate the probabilities of best, flawed and worst.

A rating is read off one token position, restricted to the three labels: no output can be unparseable.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from stages.figures import greatest, mean, spread
from stages.files import read_json
from stages.gate import Metric
from stages.job import Job
from stages.rating import LEVELS, add_ratings, temperature_of
from stages.settings import Settings
from stages.shards import Split, no_drops, shard_frames
from stages.text_generation.lazy import LazyEngine


def run(job: Job) -> None:
    assert job.language is not None and job.iteration is not None
    evaluator = job.input("evaluator", iteration=job.iteration)
    with LazyEngine(evaluator, job.settings.text_generation, job.settings.seed) as engine:
        job.map_frames(
            job.read_shards("candidate_pairs", job.language),
            partial(transform, engine=engine, settings=job.settings, temperature=temperature_of(evaluator)),
            settings=["evaluator", "prompts", "text_generation"],
            depends_on=read_json(evaluator / "manifest.json")["content"],
        )
        job.facts.update(engine.facts())
        job.provenance.update(engine.provenance())


def transform(frame: pl.DataFrame, engine: LazyEngine, settings: Settings, temperature: float = 1.0) -> Split:
    return Split(add_ratings(frame, engine, settings, temperature), no_drops())


def measure(job: Job) -> dict[str, Metric]:
    table = pl.concat(list(shard_frames(job.staging, [*LEVELS, "rating"])))
    sums = table.select(pl.sum_horizontal(LEVELS)).to_series()
    return {
        "largest_error_of_sum": greatest((sums - 1).abs()),
        "mean_rating": mean(table["rating"]),
        "rating_spread": spread(table["rating"]),
        **{
            f"{level}_share": mean(table[level] == table.select(pl.max_horizontal(LEVELS)).to_series())
            for level in LEVELS
        },
    }
