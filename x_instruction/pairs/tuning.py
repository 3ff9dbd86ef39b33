"""What the three tuned models share: the base model is fine-tuned on pairs and measured on held-out seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.measures import held_out_loss, model_facts
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Prompts, Training
from x_instruction.models.training_store import kept_examples, surroundings_of
from x_instruction.pairs.training_pairs import Pair, seed_pairs
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome

ToExamples = Callable[[Iterable[Pair], PromptEncoder], list[Example]]
CHECKED = ("pairs", "loss_change", "changed_weights_share")  # facts about a training run that the suite judges


def tune(job: Job, training: Training, pairs: list[Pair], to_examples: ToExamples) -> Outcome:
    """Fine-tune the base model on the pairs and save it to the staging folder; the run log shows how it went."""
    base = job.input("base_model")
    encoder = _encoder(job, base, training)
    examples = kept_examples(job, base, pairs, [encoder.budget], lambda: to_examples(pairs, encoder))
    held_out = to_examples(seed_pairs(job, "held_out"), encoder) if training.evaluate_every else ()
    surroundings = surroundings_of(job, base, training, examples, held_out=held_out)
    facts = fine_tune(base, examples, job.staging, training, job.settings.seed, surroundings=surroundings)
    return Outcome(facts={**facts, "pairs": len(pairs)})


def measure_tuned(job: Job, outcome: Outcome, training: Training, to_examples: ToExamples) -> dict[str, Metric]:
    """Metrics of the model in the staging folder, and its loss on the held-out seeds beside the base model's."""
    examples = to_examples(seed_pairs(job, "held_out"), _encoder(job, job.staging, training))
    before, after = (held_out_loss(folder, examples) for folder in (job.input("base_model"), job.staging))
    return {
        **model_facts(job.staging),
        **{name: outcome.facts[name] for name in CHECKED},
        "held_out_loss": after,
        "held_out_loss_change": after - before,
    }


def _encoder(job: Job, model: Path, training: Training) -> PromptEncoder:
    """A response may fill three quarters of the training window, so that the rest of its pair fits too."""
    return PromptEncoder(load_tokenizer(model), job.section(Prompts), budget=training.max_tokens * 3 // 4)
