"""The response model, which answers instructions. In iteration 1 it learns from seeds alone (the baseline)."""

from __future__ import annotations

from stages.response_model.settings import ResponseModel
from x_instruction.pairs.learned_pairs import learned_pairs
from x_instruction.pairs.tasks import answering
from x_instruction.pairs.tuning import measure_tuned, tune
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION = ("iteration",)


def run(job: Job) -> Outcome:
    pairs, short_languages = learned_pairs(job)
    outcome = tune(job, job.section(ResponseModel).training, pairs, answering(job))
    return Outcome(facts={**outcome.facts, "short_languages": short_languages})


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    return {**measure_tuned(job, outcome), "short_languages": outcome.facts["short_languages"]}
