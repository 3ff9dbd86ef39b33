"""Tunes a model: fine-tunes the base model on pairs, measures it on held-out seeds, and writes its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from x_instruction.language.names import load_names
from x_instruction.models.checkpoints import load_tokenizer, stored_dtype
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.measures import mean_losses, model_facts
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.publishing import Tuned, publish, write_template
from x_instruction.models.settings import Prompts, Training
from x_instruction.models.training_store import kept_examples, surroundings_of
from x_instruction.pairs.tasks import Task
from x_instruction.pairs.training_pairs import Pair, seed_pairs
from x_instruction.runner.files import digest
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.plots import PLOTS

# Facts about a training run that are metrics of the artifact.
CHECKED = (
    "pairs", "loss_change", "changed_weights_share", "learned_loss_change", "held_out_loss", "held_out_loss_change",
    "template_share", "ends_with_token",
)  # fmt: skip
# The losses of this many learned examples are compared before and after the training. The losses of the steps cannot be
# compared, because each step learns other examples: in 24 steps of Gemma 3 270M, they were 0.006 higher in the last
# quarter than in the first, while the held-out loss fell by 0.25.
LEARNED = 32
COMPARED = 200  # at most this many held-out prompts are compared with those of the chat template


def tune(
    job: Job, training: Training, pairs: list[Pair], task: Task, decoding: Mapping[str, Any] | None = None
) -> Outcome:
    """Fine-tunes the base model on the pairs, and saves it to the staging folder with its template, record and card.

    `decoding` has the settings of the section `decoding`, for a model that answers instructions.
    """
    facts = tune_into(job, job.staging, training, pairs, task, decoding or {}, job.settings.languages)
    return Outcome(facts=facts)


def tune_into(
    job: Job,
    folder: Path,
    training: Training,
    pairs: list[Pair],
    task: Task,
    decoding: Mapping[str, Any],
    languages: Sequence[str],
) -> dict[str, Metric]:
    """Does the same as `tune` for any folder and the given languages, and returns the facts of the training.

    The loss curve is written to the folder's subfolder PLOTS.
    """
    base = job.input("base_model")
    encoder = _encoder(job, base, training)
    examples = kept_examples(job, base, pairs, [encoder.budget], lambda: task.examples(pairs, encoder))
    held_out = seed_pairs(job, "held_out", list(languages))
    unseen = task.examples(held_out, encoder)
    surroundings = surroundings_of(
        job,
        base,
        training,
        examples,
        held_out=unseen if training.evaluate_every else (),
        plots=folder,
        part="" if folder == job.staging else "-".join(languages),
    )
    facts = fine_tune(base, examples, folder, training, job.settings.seed, surroundings=surroundings)
    # Both models are measured with weights of the saved type: the loss of a tiny random base model was 0.025 nats lower
    # in bfloat16 than in float32.
    learned, dtype = examples[:: -(-len(examples) // LEARNED)], stored_dtype(folder)
    before, after = (mean_losses(model, [unseen, learned], dtype) for model in (base, folder))
    write_template(folder, encoder, task.asking)
    facts |= {
        "pairs": len(pairs),
        "held_out_loss": after[0],
        "held_out_loss_change": after[0] - before[0],
        "learned_loss_change": after[1] - before[1],
        "template_share": _template_share(folder, task, held_out, unseen, encoder),
        "ends_with_token": int(bool(encoder.stop)),
    }
    curve = pl.read_csv(folder / PLOTS / "loss.csv")
    publish(Tuned(folder, base, encoder, task.asking, training, decoding, facts, _about(job, task, pairs), curve))
    return facts


def measure_tuned(job: Job, outcome: Outcome) -> dict[str, Metric]:
    """Metrics of the model in the staging folder. The model is loaded and run, so that no broken model is published."""
    return {**model_facts(job.staging), **{name: outcome.facts[name] for name in CHECKED}}


def _encoder(job: Job, model: Path, training: Training) -> PromptEncoder:
    """The encoder of prompts. A response may fill three quarters of `max_tokens`; the rest is for the other tokens."""
    return PromptEncoder(load_tokenizer(model), job.section(Prompts), budget=training.max_tokens * 3 // 4)


def _template_share(
    folder: Path, task: Task, pairs: Sequence[Pair], examples: Sequence[Example], encoder: PromptEncoder
) -> float:
    """Share of the compared prompts for which the saved chat template gives exactly the tokens of the training.

    The tokens of the template and those of the training may differ. A chat template is encoded as a whole, so a
    tokenizer may join the end of one part with the start of the next. For training, the opening and the end of a chat
    turn are encoded apart from the words between them. If a text would form a control token, all parts are encoded
    apart.
    """
    tokenizer, equal = load_tokenizer(folder), 0
    for pair, example in zip(pairs[:COMPARED], examples[:COMPARED], strict=True):
        text, arguments = task.message(pair, encoder)
        messages = [{"role": "user", "content": text}]
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False, **arguments)
        equal += prompt == example.prompt
    return equal / max(1, min(len(pairs), COMPARED))


def _about(job: Job, task: Task, pairs: Sequence[Pair]) -> dict[str, Any]:
    names, seed_style = load_names(job.language_pages), job.section(Prompts).style_seed
    codes = list(dict.fromkeys(pair.language for pair in pairs))
    counts = {
        code: {
            "seeds": sum(pair.language == code and pair.style == seed_style for pair in pairs),
            "web": sum(pair.language == code and pair.style != seed_style for pair in pairs),
        }
        for code in codes
    }
    return {
        "artifact": job.artifact,
        "partition": job.partition,
        "about": task.about,
        "languages": {code: names[code] for code in codes if code != "en"},
        "data": {"pairs": len(pairs), "hash": digest(*map(repr, pairs))[:32], "by_language": counts},
        "seed": job.settings.seed,
    }
