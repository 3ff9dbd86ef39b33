"""Instruction to response, an iteration's own; iteration 1 learns from seeds alone and is the baseline."""

from __future__ import annotations

from stages.fine_tuning import fine_tune
from stages.gate import Metric
from stages.job import Job
from stages.model_facts import held_out_loss, model_facts
from stages.models import load_tokenizer
from stages.pairs import learned_pairs, response_examples, seed_pairs
from stages.prompts import PromptEncoder


def run(job: Job) -> None:
    base = job.input("base_model")
    training = job.settings.response_model.training
    encoder = PromptEncoder(load_tokenizer(base), job.settings.prompts, budget=training.max_tokens * 3 // 4)
    pairs = learned_pairs(job)
    job.facts["pairs"] = len(pairs)
    examples = response_examples(pairs, encoder)
    job.facts.update(fine_tune(base, examples, job.staging, training, job.settings.seed))


def measure(job: Job) -> dict[str, Metric]:
    training = job.settings.response_model.training
    encoder = PromptEncoder(load_tokenizer(job.staging), job.settings.prompts, budget=training.max_tokens * 3 // 4)
    examples = response_examples(seed_pairs(job, "held_out"), encoder)
    before = held_out_loss(job.input("base_model"), examples)
    after = held_out_loss(job.staging, examples)
    return {
        **model_facts(job.staging),
        "pairs": int(job.facts["pairs"]),
        "short_languages": int(job.facts["short_languages"]),
        "held_out_loss": after,
        "held_out_loss_change": after - before,
    }
