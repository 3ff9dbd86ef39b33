"""Collects the pairs from which the models of an iteration learn."""

from __future__ import annotations

from x_instruction.models.settings import Prompts
from x_instruction.pairs.selection import select
from x_instruction.pairs.settings import RefinedPairs
from x_instruction.pairs.training_pairs import Pair, pairs_of, seed_pairs
from x_instruction.runner.job import Job


def learned_pairs(job: Job) -> tuple[list[Pair], int]:
    """Returns the train seeds and, if `learns_from` names rated pairs, those that are selected from them.

    Also returns the number of languages with fewer than `refined_pairs.min_pairs` selected rated pairs.
    """
    assert job.iteration is not None
    pairs, short = seed_pairs(job, "train"), 0
    source = job.settings.iterations[job.iteration].learns_from
    if source == "seed_pairs":
        return pairs, short
    artifact, iteration = source.split("/")
    settings = job.section(RefinedPairs)
    for language in job.settings.languages:
        kept = select(job.rows(artifact, language, iteration).table(), settings).kept
        short += kept.height < settings.min_pairs
        pairs += pairs_of(kept, language, job.section(Prompts).style_web)
    return pairs, short
