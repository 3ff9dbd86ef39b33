"""The reversed model: reads a response, writes the English instruction it answers (METHOD: I. Generation)."""

from __future__ import annotations

from stages.fine_tuning import fine_tune
from stages.gate import Metric
from stages.job import Job
from stages.model_facts import held_out_loss, model_facts
from stages.models import load_tokenizer
from stages.pairs import instruction_examples, seed_pairs
from stages.prompts import PromptEncoder


def run(job: Job) -> None:
    base = job.input("base_model")
    training = job.settings.instruction_model.training
    encoder = PromptEncoder(load_tokenizer(base), job.settings.prompts, budget=training.max_tokens * 3 // 4)
    examples = instruction_examples(seed_pairs(job, "train"), encoder)
    job.facts.update(fine_tune(base, examples, job.staging, training, job.settings.seed))


def measure(job: Job) -> dict[str, Metric]:
    training = job.settings.instruction_model.training
    encoder = PromptEncoder(load_tokenizer(job.staging), job.settings.prompts, budget=training.max_tokens * 3 // 4)
    examples = instruction_examples(seed_pairs(job, "held_out"), encoder)
    before = held_out_loss(job.input("base_model"), examples)
    after = held_out_loss(job.staging, examples)
    return {**model_facts(job.staging), "held_out_loss": after, "held_out_loss_change": after - before}
