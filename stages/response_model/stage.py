"""The model that answers an instruction, one for each iteration; iteration 1 learns from seeds alone (the baseline)."""

from __future__ import annotations

from functools import partial

from stages.response_model.settings import ResponseModel
from x_instruction.language.names import load_names
from x_instruction.pairs.learned_pairs import learned_pairs
from x_instruction.pairs.training_pairs import response_examples
from x_instruction.pairs.tuning import measure_tuned, tune
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION = ("iteration",)


def run(job: Job) -> Outcome:
    pairs, short_languages = learned_pairs(job)
    to_examples = partial(response_examples, names=load_names(job.language_pages))
    outcome = tune(job, job.section(ResponseModel).training, pairs, to_examples)
    return Outcome(facts={**outcome.facts, "short_languages": short_languages})


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    to_examples = partial(response_examples, names=load_names(job.language_pages))
    measured = measure_tuned(job, outcome, job.section(ResponseModel).training, to_examples)
    return {**measured, "short_languages": outcome.facts["short_languages"]}
