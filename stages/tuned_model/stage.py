"""The aligned model: the base tuned on the seeds and the released set of all languages."""

from __future__ import annotations

from stages.tuned_model.settings import TunedModel
from x_instruction.language.names import load_names
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.measures import held_out_loss, model_facts
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts
from x_instruction.pairs.training_pairs import response_examples, seed_pairs, web_pairs
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

PARTITION: tuple[str, ...] = ()


def run(job: Job) -> Outcome:
    base = job.input("base_model")
    training = job.section(TunedModel).training
    encoder = PromptEncoder(load_tokenizer(base), job.section(Prompts), budget=training.max_tokens * 3 // 4)
    pairs = [*seed_pairs(job, "train"), *web_pairs(job, "diversified_set")]
    examples = response_examples(pairs, encoder, load_names(job.language_pages))
    facts = fine_tune(base, examples, job.staging, training, job.settings.seed)
    return Outcome(facts={**facts, "pairs": len(pairs)})


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    training = job.section(TunedModel).training
    encoder = PromptEncoder(load_tokenizer(job.staging), job.section(Prompts), budget=training.max_tokens * 3 // 4)
    examples = response_examples(seed_pairs(job, "held_out"), encoder, load_names(job.language_pages))
    before = held_out_loss(job.input("base_model"), examples)
    after = held_out_loss(job.staging, examples)
    return {
        **model_facts(job.staging),
        "pairs": outcome.facts["pairs"],
        "held_out_loss": after,
        "held_out_loss_change": after - before,
    }
