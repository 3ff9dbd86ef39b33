"""The evaluator of an iteration: trained on the three-level rating set, measured on held-out rated pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.answers import answer_sampling
from stages.calibration import LEVELS
from stages.evaluator.held_out import measure_held_out
from stages.evaluator.rating_set import RatedPair, calibration_set, held_out_set, training_set
from stages.files import read_json
from stages.fine_tuning import fine_tune
from stages.gate import Metric
from stages.job import Job
from stages.model_facts import model_facts
from stages.models import load_tokenizer
from stages.pairs import Pair, learned_pairs, seed_pairs
from stages.prompts import Example, PromptEncoder
from stages.rating import label_tokens
from stages.settings import Settings
from stages.text_generation.lazy import LazyEngine

FIGURES = (
    "pairs", "precision", "recall", "auc", "auc_surface",
    "expected_calibration_error", "calibration_pairs", "calibrated",
)  # fmt: skip


def run(job: Job) -> None:
    job.facts.update(learn(_start(job), taught(job), job.staging, job.settings))
    sets = (job.settings.seed, job.settings.evaluator.open_instructions)
    held_out = held_out_set(seed_pairs(job, "held_out"), *sets)
    to_fit = calibration_set(seed_pairs(job, "calibration"), *sets)
    measure_held_out(job.staging, held_out, to_fit, job.settings, job.input("instruction_model"))


def taught(job: Job) -> list[RatedPair]:
    """The rating set of this iteration; models are only asked for what is taught of them."""
    own, pairs = job.settings.evaluator, learned_pairs(job)
    answering = job.input("response_model", iteration=job.iteration)
    answers = _answers(job, pairs, answering) if own.defects.model_answer else {}
    drifts = _answers(job, pairs, job.input("base_model")) if own.defects.drift else {}
    return training_set(pairs, answers, own, job.settings.seed, drifts)


def learn(start: Path, rated: list[RatedPair], out: Path, settings: Settings) -> dict[str, float | int]:
    """Continue the model in `start` on rated pairs: after a pair, one of three labels."""
    own = settings.evaluator
    encoder = PromptEncoder(load_tokenizer(start), settings.prompts, budget=own.training.max_tokens * 3 // 4)
    labels = label_tokens(encoder, own.labels)
    among = labels if own.loss_over == "labels" else None
    examples, in_order = _examples(rated, encoder, labels), own.batches == "in_order"
    return fine_tune(start, examples, out, own.training, settings.seed, among, in_order)


def _start(job: Job) -> Path:
    name = job.settings.evaluator.start_from
    return job.input(name, iteration=job.iteration if name == "response_model" else None)


def _answers(job: Job, pairs: list[Pair], model: Path) -> dict[str, str]:
    """What a model says to each instruction, by the pair's id."""
    with LazyEngine(model, job.settings.text_generation.of_several, job.settings.seed) as engine:
        room = engine.room(job.settings.decoding.max_new_tokens)
        encoder = PromptEncoder(engine.tokenizer, job.settings.prompts, room=room)
        names = job.settings.prompts.language_names
        prompts = [encoder.write_response(pair.instruction, names[pair.language], pair.style) for pair in pairs]
        texts = engine.generate(prompts, answer_sampling(job.settings, encoder))
    return {pair.id: text.text for pair, text in zip(pairs, texts, strict=True) if text.text}


def _examples(rated: list[RatedPair], encoder: PromptEncoder, labels: list[int]) -> list[Example]:
    token, names = dict(zip(LEVELS, labels, strict=True)), encoder.prompts.language_names
    return [
        Example(encoder.rate(one.pair.instruction, one.response, names[one.pair.language]), [token[one.level]])
        for one in rated
    ]


def measure(job: Job) -> dict[str, Metric]:
    return {**model_facts(job.staging), **judged_figures(read_json(job.staging / "scores.json"))}


def judged_figures(found: dict[str, Any]) -> dict[str, Metric]:
    """Of scores.json what the gate and the report show; what could not be measured is left out."""
    alone = found["labels_alone"]["auc"]
    by_language = {f"auc_{code}": own["auc"] for code, own in found["by_language"].items()}
    known = [value for value in by_language.values() if value is not None]
    figures = {
        **{name: found[name] for name in FIGURES},
        **{f"auc_{defect}": value for defect, value in found["auc_by_defect"].items()},
        **by_language,
        "auc_labels": alone,
        "auc_gained": None if None in (alone, found["auc"]) else found["auc"] - alone,
        "least_auc_of_a_language": min(known, default=None),
    }
    return {name: value for name, value in figures.items() if value is not None}
