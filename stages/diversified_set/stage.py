"""The released set: refined pairs drawn evenly from clusters of instructions, without evaluation prompts.

Every row names its source: url, source file, record, and the ids of its document and text.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from stages.diversified_set.clusters import cluster, draw_evenly, embed
from stages.diversified_set.settings import DiversifiedSet
from x_instruction.language.shared_ngrams import evaluation_ngrams, overlap
from x_instruction.runner.files import hash_paths
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import greatest, mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import Split

PARTITION = ("language",)

SETTING = "diversified_set.decontaminate_against"


def run(job: Job) -> Outcome:
    assert job.language is not None
    settings = job.section(DiversifiedSet)
    evaluations = [job.root / path for path in settings.decontaminate_against]
    ngrams = evaluation_ngrams(evaluations, settings.ngram, SETTING)
    return job.map_frames(
        [job.rows("refined_pairs", job.language).table()],
        partial(transform, settings=settings, ngrams=ngrams, seed=job.settings.seed),
        settings=[job.section(DiversifiedSet), job.settings.seed],
        depends_on=hash_paths(evaluations),
    )


def transform(frame: pl.DataFrame, settings: DiversifiedSet, ngrams: set[tuple[str, ...]], seed: int) -> Split:
    """Drops contaminated pairs, clusters the others by instruction and draws evenly from the clusters."""
    contaminated = pl.col("shared") != ""
    marked = frame.with_columns(shared=_shared(frame, ngrams, settings.ngram))
    clean = marked.filter(~contaminated)
    numbers = cluster(embed(clean["instruction"].to_list()), settings.clusters, seed) if clean.height else []
    drawn = draw_evenly(clean.with_columns(cluster=pl.Series(numbers, dtype=pl.Int64)), settings.pairs)
    rows = pl.concat([drawn, marked.filter(contaminated)], how="diagonal").with_columns(
        reason=pl.when(contaminated)
        .then(pl.lit("evaluation_overlap"))
        .when(~pl.col("drawn"))
        .then(pl.lit("cluster_full")),
        value=pl.when(contaminated).then("shared").otherwise(pl.format("cluster {}", "cluster")),
    )
    return Split.of(rows.drop("shared", "drawn"), text="response")


def _shared(frame: pl.DataFrame, ngrams: set[tuple[str, ...]], size: int) -> pl.Series:
    """The words that each pair shares with an evaluation prompt; "" if there are none."""
    texts = frame.select(pl.concat_str(["instruction", "response"], separator=" \n ")).to_series()
    return texts.map_elements(lambda text: overlap(text, ngrams, size) or "", return_dtype=pl.String)


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table = job.staged.table()
    settings = job.section(DiversifiedSet)
    ngrams = evaluation_ngrams([job.root / path for path in settings.decontaminate_against], settings.ngram, SETTING)
    sizes = table["cluster"].value_counts()["count"]
    return {
        "clusters": table["cluster"].n_unique(),
        "largest_cluster_share": greatest(sizes) / max(1, table.height),
        "distinct_instructions": table["instruction"].n_unique(),
        "evaluation_overlaps": int((_shared(table, ngrams, settings.ngram) != "").sum()),
        "rows_without_source": int((table["source"] == "").sum()),
        "mean_instruction_characters": mean(table["instruction"].str.len_chars()),
        "mean_response_characters": mean(table["response"].str.len_chars()),
    }
