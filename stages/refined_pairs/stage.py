"""Refined pairs: the best rated pairs of the last iteration that the stop rule accepts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import polars as pl

from x_instruction.pairs.selection import select
from x_instruction.pairs.settings import RefinedPairs
from x_instruction.pairs.stop_rule import decision
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import least, mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.plots import histogram, keep_curve, write_plot
from x_instruction.runner.shards import Split

PARTITION = ("language",)


def run(job: Job) -> Outcome:
    assert job.language is not None
    accepted = decision(job)
    iteration = accepted.iteration
    rated = job.rows("rated_pairs", job.language, iteration).table()
    outcome = job.map_frames(
        [rated],
        partial(transform, settings=job.section(RefinedPairs), iteration=iteration),
        settings=[job.section(RefinedPairs)],
        depends_on=iteration,
    )
    kept = pl.col("id").is_in(job.staged.table(["id"])["id"].to_list())
    ratings = rated.select("rating", outcome=pl.when(kept).then(pl.lit("kept")).otherwise(pl.lit("dropped")))
    write_plot(job.staging, "ratings", histogram(ratings, by="outcome"))
    write_plot(job.staging, "keep_curve", keep_curve(rated))
    return replace(outcome, facts={"iteration": iteration, "why": accepted.why})


def transform(rated: pl.DataFrame, settings: RefinedPairs, iteration: str) -> Split:
    split = select(rated, settings)
    return Split(split.kept.with_columns(pl.lit(iteration).alias("iteration")), split.dropped)


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table = job.staged.table(["rating", "response"])
    lengths, iterations = table["response"].str.len_chars(), list(job.settings.iterations)
    return {
        "kept_share": table.height / max(1, outcome.rows_in or 0),
        "lowest_rating": least(table["rating"]),
        "below_min_rating": int((table["rating"] < job.section(RefinedPairs).min_rating).sum()),
        "mean_rating": mean(table["rating"]),
        "mean_response_characters": mean(lengths),
        "unused_iterations": len(iterations) - 1 - iterations.index(str(outcome.facts["iteration"])),
        "accepted_iteration": str(outcome.facts["iteration"]),
        "accepted_because": str(outcome.facts["why"]),
    }
