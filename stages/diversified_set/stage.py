"""The released set: refined pairs drawn evenly from clusters of instructions, without evaluation prompts.

Every row names its source: url, source file, record, and the ids of its document and text.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import polars as pl

from stages.diversified_set.clusters import cluster, draw_evenly, embed
from stages.diversified_set.settings import DiversifiedSet
from x_instruction.language.letters import normalised
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.files import hash_paths
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import greatest, mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import Split
from x_instruction.words.shared_ngrams import Ngrams, evaluation_ngrams, overlaps

PARTITION = ("language",)

SETTING = "diversified_set.decontaminate_against"


def run(job: Job) -> Outcome:
    settings, language = job.section(DiversifiedSet), _language(job)
    evaluations = [job.root / path for path in settings.decontaminate_against]
    ngrams = evaluation_ngrams(evaluations, settings.ngram, language, SETTING)
    outcome = job.map_frames(
        [job.rows("refined_pairs", language.code).table()],
        partial(transform, settings=settings, ngrams=ngrams, language=language, seed=job.settings.seed),
        settings=[job.section(DiversifiedSet), job.settings.seed],
        depends_on=f"{language.model_dump_json()} {hash_paths(evaluations)}",
    )
    return replace(outcome, counts={**outcome.counts, **ngrams.counts()})


def transform(
    frame: pl.DataFrame, settings: DiversifiedSet, ngrams: Ngrams, language: LanguageSettings, seed: int
) -> Split:
    """Drops contaminated pairs, clusters the others by instruction and draws evenly from the clusters."""
    contaminated = pl.col("shared").is_not_null()
    marked = frame.with_columns(shared=_shared(frame, ngrams, language))
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


def _shared(frame: pl.DataFrame, ngrams: Ngrams, language: LanguageSettings) -> pl.Series:
    """The words that each pair shares with an evaluation prompt; null if there are none."""
    texts = frame.select(pl.concat_str(["instruction", "response"], separator=" \n ")).to_series()
    return overlaps(normalised(texts, language), ngrams, language)


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table = job.staged.table()
    settings, language = job.section(DiversifiedSet), _language(job)
    evaluations = [job.root / path for path in settings.decontaminate_against]
    ngrams = evaluation_ngrams(evaluations, settings.ngram, language, SETTING)
    sizes = table["cluster"].value_counts()["count"]
    return {
        "clusters": table["cluster"].n_unique(),
        "largest_cluster_share": greatest(sizes) / max(1, table.height),
        "distinct_instructions": table["instruction"].n_unique(),
        "evaluation_overlaps": _shared(table, ngrams, language).count(),
        "rows_without_source": int((table["source"] == "").sum()),
        "mean_instruction_characters": mean(table["instruction"].str.len_chars()),
        "mean_response_characters": mean(table["response"].str.len_chars()),
    }


def _language(job: Job) -> LanguageSettings:
    assert job.language is not None
    return load_language(job.language, job.language_pages)
