"""The instruction model, which reads a response and writes the English instruction for it."""

from __future__ import annotations

from stages.instruction_model.settings import InstructionModel
from x_instruction.pairs.tasks import instructing
from x_instruction.pairs.training_pairs import english_pairs, seed_pairs
from x_instruction.pairs.tuning import measure_tuned, tune
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION: tuple[str, ...] = ()


def run(job: Job) -> Outcome:
    settings = job.section(InstructionModel)
    pairs = [*seed_pairs(job, "train"), *english_pairs(job, settings.english_per_native)]
    return tune(job, settings.training, pairs, instructing(job))


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    return measure_tuned(job, outcome)
