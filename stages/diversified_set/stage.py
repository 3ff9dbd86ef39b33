"""The released set: refined pairs drawn evenly over clusters of instructions, free of evaluation prompts.

Every row keeps the way back to its source: url, source file, record, document and text ids.
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
    """Drop contaminated pairs, cluster the rest by instruction and draw evenly."""
    marked = frame.with_columns(
        pl.concat_str(["instruction", "response"], separator=" \n ")
        .map_elements(lambda text: overlap(text, ngrams, settings.ngram) or "", return_dtype=pl.String)
        .alias("shared")
    )
    clean = marked.filter(pl.col("shared") == "")
    numbers = cluster(embed(clean["instruction"].to_list()), settings.clusters, seed) if clean.height else []
    drawn = draw_evenly(clean.with_columns(pl.Series("cluster", numbers, dtype=pl.Int64)), settings.pairs)
    contaminated = marked.filter(pl.col("shared") != "").with_columns(
        pl.lit(-1, dtype=pl.Int64).alias("cluster"), pl.lit(False).alias("drawn")
    )
    rows = pl.concat([drawn, contaminated])
    rows = rows.with_columns(
        pl.when(pl.col("shared") != "").then(pl.lit("evaluation_overlap"))
        .when(~pl.col("drawn")).then(pl.lit("cluster_full")).alias("reason"),
        pl.when(pl.col("shared") != "").then("shared").otherwise(pl.format("cluster {}", "cluster")).alias("value"),
    )  # fmt: skip
    return Split.of(rows.drop("shared", "drawn"), text="response")


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table = job.staged.table()
    settings = job.section(DiversifiedSet)
    ngrams = evaluation_ngrams([job.root / path for path in settings.decontaminate_against], settings.ngram, SETTING)
    leaked = sum(
        overlap(f"{row[0]} \n {row[1]}", ngrams, settings.ngram) is not None
        for row in table.select("instruction", "response").iter_rows()
    )
    sizes = table["cluster"].value_counts()["count"]
    return {
        "clusters": table["cluster"].n_unique(),
        "largest_cluster_share": greatest(sizes) / max(1, table.height),
        "distinct_instructions": table["instruction"].n_unique(),
        "evaluation_overlaps": leaked,
        "rows_without_source": int((table["source"] == "").sum()),
        "mean_instruction_characters": mean(table["instruction"].str.len_chars()),
        "mean_response_characters": mean(table["response"].str.len_chars()),
    }
