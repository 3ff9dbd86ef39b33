"""Instruction to response, an iteration's own; iteration 1 learns from seeds alone and is the baseline."""

from __future__ import annotations

from stages.response_model.settings import ResponseModel
from x_instruction.language.names import load_names
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.measures import held_out_loss, model_facts
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.pairs.learned_pairs import learned_pairs
from x_instruction.pairs.training_pairs import response_examples, seed_pairs
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION = ("iteration",)


def run(job: Job) -> Outcome:
    base = job.input("base_model")
    training = job.section(ResponseModel).training
    encoder = PromptEncoder(load_tokenizer(base), job.section(Prompts), budget=training.max_tokens * 3 // 4)
    pairs, short_languages = learned_pairs(job)
    examples = response_examples(pairs, encoder, load_names(job.language_pages))
    facts = fine_tune(base, examples, job.staging, training, job.settings.seed)
    return Outcome(facts={**facts, "pairs": len(pairs), "short_languages": short_languages})


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    training = job.section(ResponseModel).training
    encoder = PromptEncoder(load_tokenizer(job.staging), job.section(Prompts), budget=training.max_tokens * 3 // 4)
    examples = response_examples(seed_pairs(job, "held_out"), encoder, load_names(job.language_pages))
    before = held_out_loss(job.input("base_model"), examples)
    after = held_out_loss(job.staging, examples)
    return {
        **model_facts(job.staging),
        "pairs": outcome.facts["pairs"],
        "short_languages": outcome.facts["short_languages"],
        "held_out_loss": after,
        "held_out_loss_change": after - before,
    }
