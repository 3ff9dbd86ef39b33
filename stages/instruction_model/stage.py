"""The reversed model: reads a response, writes the English instruction it answers (METHOD: I. Generation)."""

from __future__ import annotations

from stages.instruction_model.settings import InstructionModel
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.measures import held_out_loss, model_facts
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.pairs.training_pairs import english_pairs, instruction_examples, seed_pairs
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION: tuple[str, ...] = ()


def run(job: Job) -> Outcome:
    base = job.input("base_model")
    settings = job.section(InstructionModel)
    training = settings.training
    encoder = PromptEncoder(load_tokenizer(base), job.section(Prompts), budget=training.max_tokens * 3 // 4)
    pairs = [*seed_pairs(job, "train"), *english_pairs(job, settings.english_per_native)]
    examples = instruction_examples(pairs, encoder)
    return Outcome(facts=fine_tune(base, examples, job.staging, training, job.settings.seed))


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    training = job.section(InstructionModel).training
    encoder = PromptEncoder(load_tokenizer(job.staging), job.section(Prompts), budget=training.max_tokens * 3 // 4)
    examples = instruction_examples(seed_pairs(job, "held_out"), encoder)
    before = held_out_loss(job.input("base_model"), examples)
    after = held_out_loss(job.staging, examples)
    return {**model_facts(job.staging), "held_out_loss": after, "held_out_loss_change": after - before}
