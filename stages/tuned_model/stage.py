"""The aligned model: the base model tuned on the seeds and the released set of all languages."""

from __future__ import annotations

from functools import partial

from stages.tuned_model.settings import TunedModel
from x_instruction.language.names import load_names
from x_instruction.pairs.training_pairs import response_examples, seed_pairs, web_pairs
from x_instruction.pairs.tuning import measure_tuned, tune
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION: tuple[str, ...] = ()


def run(job: Job) -> Outcome:
    pairs = [*seed_pairs(job, "train"), *web_pairs(job, "diversified_set")]
    to_examples = partial(response_examples, names=load_names(job.language_pages))
    return tune(job, job.section(TunedModel).training, pairs, to_examples)


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    to_examples = partial(response_examples, names=load_names(job.language_pages))
    return measure_tuned(job, outcome, job.section(TunedModel).training, to_examples)
