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

PARTITION = ("iteration",)


def run(job: Job) -> None:
    to_examples = partial(response_examples, names=load_names(job.language_pages))
    tune(job, job.section(ResponseModel).training, learned_pairs(job), to_examples)


def measure(job: Job) -> dict[str, Metric]:
    to_examples = partial(response_examples, names=load_names(job.language_pages))
    measured = measure_tuned(job, job.section(ResponseModel).training, to_examples)
    return {**measured, "short_languages": int(job.facts["short_languages"])}
