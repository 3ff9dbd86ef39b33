"""Pairs of instruction and response as training examples, and which pairs an iteration learns from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from stages.job import Job
from stages.prompts import Example, PromptEncoder
from stages.selection import select
from stages.shards import read_partition

PAIR_COLUMNS = ["id", "instruction", "response"]


@dataclass(frozen=True)
class Pair:
    """`style` is the style tag of the prompts: what tells seeds from web text."""

    id: str
    language: str
    instruction: str
    response: str
    style: str


def seed_pairs(job: Job, split: str, languages: list[str] | None = None) -> list[Pair]:
    """Seeds of the languages (all by default), of `train`, `calibration` or `held_out`."""
    pairs: list[Pair] = []
    for language in languages or job.settings.languages:
        table = read_partition(job.input("seed_pairs", language)).filter(pl.col("split") == split)
        pairs += _pairs(table, language, job.settings.prompts.style_seed)
    return pairs


def web_pairs(job: Job, artifact: str) -> list[Pair]:
    """Pairs of all languages of an artifact that holds only pairs to learn from."""
    pairs: list[Pair] = []
    for language in job.settings.languages:
        table = read_partition(job.input(artifact, language), PAIR_COLUMNS)
        pairs += _pairs(table, language, job.settings.prompts.style_web)
    return pairs


def learned_pairs(job: Job) -> list[Pair]:
    """What a model of this iteration learns from: the train seeds, and the pairs rated best an iteration before.

    The job's fact `short_languages`: those of which fewer pairs than `refined_pairs.min_pairs` were rated so.
    """
    assert job.iteration is not None
    pairs, short = seed_pairs(job, "train"), 0
    job.facts["short_languages"] = short
    source = job.settings.iterations[job.iteration].learns_from
    if source == "seed_pairs":
        return pairs
    artifact, iteration = source.split("/")
    for language in job.settings.languages:
        rated = read_partition(job.input(artifact, language, iteration))
        kept = select(rated, job.settings.refined_pairs).kept
        short += kept.height < job.settings.refined_pairs.min_pairs
        pairs += _pairs(kept, language, job.settings.prompts.style_web)
    job.facts["short_languages"] = short
    return pairs


def _pairs(table: pl.DataFrame, language: str, style: str) -> Iterator[Pair]:
    for identifier, instruction, response in table.select(PAIR_COLUMNS).iter_rows():
        yield Pair(identifier, language, instruction, response, style)


def response_examples(pairs: Iterable[Pair], encoder: PromptEncoder) -> list[Example]:
    """Instruction to response."""
    names = encoder.prompts.language_names
    return [
        Example(
            encoder.write_response(pair.instruction, names[pair.language], pair.style),
            encoder.completed(pair.response),
        )
        for pair in pairs
    ]


def instruction_examples(pairs: Iterable[Pair], encoder: PromptEncoder) -> list[Example]:
    """Response to instruction: the seeds turned round."""
    return [Example(encoder.write_instruction(pair.response), encoder.completed(pair.instruction)) for pair in pairs]
