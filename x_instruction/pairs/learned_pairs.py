"""Which pairs the models of an iteration learn from."""

from __future__ import annotations

from x_instruction.models.settings import Prompts
from x_instruction.pairs.selection import select
from x_instruction.pairs.settings import RefinedPairs
from x_instruction.pairs.training_pairs import Pair, pairs_of, seed_pairs
from x_instruction.runner.job import Job
from x_instruction.runner.shards import read_partition


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
        kept = select(rated, job.section(RefinedPairs)).kept
        short += kept.height < job.section(RefinedPairs).min_pairs
        pairs += pairs_of(kept, language, job.section(Prompts).style_web)
    job.facts["short_languages"] = short
    return pairs
