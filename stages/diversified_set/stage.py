"""The diversified set: pairs that are drawn from the refined pairs, by default evenly from clusters of instructions.

First, near-identical instructions and pairs that overlap with evaluation prompts are dropped. docs/diversification.md
describes the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from stages.diversified_set.decisions import BEST_FIRST, decide
from stages.diversified_set.settings import DiversifiedSet
from stages.diversified_set.vectors import centred_vectors, encoder_of
from x_instruction.language.letters import normalised
from x_instruction.language.settings import LanguageSettings, load_language
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.metrics import greatest, mean
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import Split
from x_instruction.words.shared_ngrams import Ngrams, evaluation_ngrams, overlaps

PARTITION = ("language",)

SETTING = "diversified_set.decontaminate_against"
SCORES = "scores.json"
NO_VECTORS = np.empty((0, 1), np.float32)


def run(job: Job) -> Outcome:
    settings, language = job.section(DiversifiedSet), _language(job)
    wanted = settings.wanted(language.code)
    ngrams = _ngrams(job, language)
    ngrams.print_warnings()
    pairs = pl.concat(_checked(job, language, ngrams))
    clean = pairs.filter(pl.col("shared").is_null()).drop("shared").sort(**BEST_FIRST)
    vectors = centred_vectors(job, clean) if clean.height else NO_VECTORS
    decided, figures = decide(clean, vectors, settings, wanted, job.settings.seed)
    del vectors  # the largest array is freed before the texts are read again
    write_json(job.staging / SCORES, {"wanted": wanted, "found": clean.height, **figures})
    decisions = pl.concat([decided, _contaminated(pairs)])
    outcome = job.map_frames(
        (_decided(frame, decisions) for frame in job.rows("refined_pairs", language.code).frames()),
        transform,
        settings=[],  # the frames contain the decisions already, so the result depends on no setting
    )
    return replace(outcome, made_by={"encoder": encoder_of(job).encoder}, counts={**outcome.counts, **ngrams.counts()})


def transform(frame: pl.DataFrame) -> Split:
    """Splits pairs into kept and dropped ones by `reason`, which is null for a pair in the set."""
    return Split.of(frame, text="response")


def _checked(job: Job, language: LanguageSettings, ngrams: Ngrams) -> Iterator[pl.DataFrame]:
    """Yields the shards of the refined pairs: columns id, instruction, rating and `shared` (see `shared_words`)."""
    for frame in job.rows("refined_pairs", language.code).frames(["id", "instruction", "response", "rating"]):
        yield frame.with_columns(shared=shared_words(frame, ngrams, language)).drop("response")


def _contaminated(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.filter(pl.col("shared").is_not_null()).select(
        "id", cluster=pl.lit(None, pl.Int64), reason=pl.lit("evaluation_overlap"), value="shared"
    )


def _decided(frame: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    return frame.join(decisions, on="id", how="left", maintain_order="left")


def shared_words(frame: pl.DataFrame, ngrams: Ngrams, language: LanguageSettings) -> pl.Series:
    """The words that each pair shares with an evaluation prompt; null if there are none."""
    texts = frame.select(pl.concat_str(["instruction", "response"], separator=" \n ")).to_series()
    return overlaps(normalised(texts, language), ngrams, language)


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    table, language = job.staged.table(), _language(job)
    figures = read_json(job.staging / SCORES)
    sizes = table["cluster"].value_counts()["count"]
    return {
        "clusters": table["cluster"].n_unique(),
        "largest_cluster_share": greatest(sizes) / max(1, table.height),
        "missing_pairs": figures["wanted"] - table.height,
        "distinct_instructions": table["instruction"].n_unique(),
        "evaluation_overlaps": shared_words(table, _ngrams(job, language), language).count(),
        "rows_without_source": int((table["source"] == "").sum()),
        "mean_instruction_characters": mean(table["instruction"].str.len_chars()),
        "mean_response_characters": mean(table["response"].str.len_chars()),
        **_compared(figures),
    }


def _compared(figures: dict[str, Any]) -> dict[str, Metric]:
    """The figures of `diversity` for the set, for a random draw and for a draw by rating.

    `clusters_over_random` is how many more clusters the set has than the random draw.
    """
    metrics: dict[str, Metric] = {}
    for draw, suffix in (("drawn", ""), ("random", "_random"), ("rating", "_by_rating")):
        metrics |= {f"{name}{suffix}": value for name, value in figures.get(draw, {}).items()}
    if metrics:
        metrics["clusters_over_random"] = float(metrics["clusters"]) - float(metrics["clusters_random"])
    return metrics


def _ngrams(job: Job, language: LanguageSettings) -> Ngrams:
    settings = job.section(DiversifiedSet)
    evaluations = [job.root / path for path in settings.decontaminate_against]
    return evaluation_ngrams(evaluations, settings.ngram, language, SETTING)


def _language(job: Job) -> LanguageSettings:
    assert job.language is not None
    return load_language(job.language, job.language_pages)
