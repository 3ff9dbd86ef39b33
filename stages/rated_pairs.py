"""Rated pairs: for each candidate the probabilities of best, flawed and worst.

The probabilities are read off one token position, restricted to the three labels, and calibrated with the signs of the
pair: no output can be unparseable.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from stages.calibration import LEVELS, Calibration, calibration_of
from stages.figures import greatest, mean, spread
from stages.files import read_json
from stages.gate import Metric
from stages.job import Job
from stages.language_id import MODEL
from stages.languages import load_language
from stages.rating import add_ratings
from stages.settings import Settings
from stages.shards import Split, no_drops, shard_frames
from stages.signs import add_surface_signs
from stages.text_generation.lazy import LazyEngine


def run(job: Job) -> None:
    assert job.language is not None and job.iteration is not None
    evaluator = job.input("evaluator", iteration=job.iteration)
    language = load_language(job.language)
    with LazyEngine(evaluator, job.settings.text_generation, job.settings.seed) as engine:
        job.map_frames(
            job.read_shards("candidate_pairs", job.language),
            partial(transform, engine=engine, settings=job.settings, calibration=calibration_of(evaluator)),
            settings=["evaluator", "prompts", "text_generation"],
            depends_on=f"{read_json(evaluator / 'manifest.json')['content']} {language.model_dump_json()} {MODEL}",
        )
        job.facts.update(engine.facts())
        job.provenance.update(engine.provenance())


def transform(frame: pl.DataFrame, engine: LazyEngine, settings: Settings, calibration: Calibration) -> Split:
    return Split(add_ratings(add_surface_signs(frame), engine, settings, calibration), no_drops())


def measure(job: Job) -> dict[str, Metric]:
    table = pl.concat(list(shard_frames(job.staging, [*LEVELS, "rating"])))
    sums = table.select(pl.sum_horizontal(LEVELS)).to_series()
    return {
        # Polars passes over what is not a number when it looks for the greatest, and sorts it above every number.
        "rows_without_rating": int((~table.select(pl.all_horizontal(pl.all().is_finite())).to_series()).sum()),
        "largest_error_of_sum": greatest((sums - 1).abs()),
        "mean_rating": mean(table["rating"]),
        "rating_spread": spread(table["rating"]),
        **{
            f"{level}_share": mean(table[level] == table.select(pl.max_horizontal(LEVELS)).to_series())
            for level in LEVELS
        },
    }
