"""The reversed model reads a response and writes the English instruction that it answers (METHOD: I. Generation)."""

from __future__ import annotations

from stages.instruction_model.settings import InstructionModel
from x_instruction.pairs.training_pairs import instruction_examples, seed_pairs
from x_instruction.pairs.tuning import measure_tuned, tune
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION: tuple[str, ...] = ()


def run(job: Job) -> Outcome:
    return tune(job, job.section(InstructionModel).training, seed_pairs(job, "train"), instruction_examples)


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    return measure_tuned(job, outcome, job.section(InstructionModel).training, instruction_examples)
