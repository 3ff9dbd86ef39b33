"""Trains the evaluator of an iteration on the rating set of three levels, and measures it on held-out rated pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from stages.evaluator.card import Trained, card
from stages.evaluator.held_out import measure_held_out
from stages.evaluator.rating_set import RatedPair, calibration_set, held_out_set, training_set
from stages.evaluator.settings import Evaluator
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.sampling import answer_sampling
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.names import load_names
from x_instruction.models.base_record import pass_on
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import fine_tune
from x_instruction.models.measures import model_facts
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Decoding, Prompts
from x_instruction.models.training_store import kept_examples, surroundings_of
from x_instruction.pairs.learned_pairs import learned_pairs
from x_instruction.pairs.training_pairs import Pair, seed_pairs
from x_instruction.rating.calibration import LEVELS, read_calibration
from x_instruction.rating.rate import label_tokens
from x_instruction.rating.settings import Rating
from x_instruction.runner.files import read_json
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.plots import PLOTS
from x_instruction.runner.published import read_manifest

PARTITION = ("iteration",)

GATE_FIGURES = (
    "pairs", "precision", "recall", "auc", "auc_surface",
    "expected_calibration_error", "calibration_pairs", "calibrated",
)  # fmt: skip


CARD = "README.md"


def run(job: Job) -> Outcome:
    rated = rating_set(job)
    facts = learn(job, _start(job), rated, job.staging)
    shared = (job.settings.seed, job.language_pages, job.section(Evaluator).open_instructions)
    held_out = held_out_set(seed_pairs(job, "held_out"), *shared)
    to_fit = calibration_set(seed_pairs(job, "calibration"), *shared)
    measure_held_out(job, job.staging, held_out, to_fit)
    write_card(job, rated, held_out, facts)
    return Outcome(facts=facts)


def write_card(
    job: Job, rated: Sequence[RatedPair], held_out: Sequence[RatedPair], facts: Mapping[str, Metric]
) -> None:
    """Writes README.md into the staging folder, which must already have all other files of the evaluator."""
    start, settings, names = _start(job), job.section(Evaluator), load_names(job.language_pages)
    trained = Trained(
        iteration=job.iteration or "",
        base=pass_on(start, job.staging),
        start=settings.start_from,
        start_content=read_manifest(start)["content"],
        names={code: names[code] for code in job.settings.languages},
        encoder=PromptEncoder(load_tokenizer(job.staging), job.section(Prompts)),
        rating=job.section(Rating),
        training=settings.training,
        rated=rated,
        facts=facts,
        curve=pl.read_csv(job.staging / PLOTS / "loss.csv"),
        calibration=read_calibration(job.staging),
        scores=read_json(job.staging / "scores.json"),
        held_out=held_out,
    )
    (job.staging / CARD).write_text(card(trained), encoding="utf-8")


def rating_set(job: Job) -> list[RatedPair]:
    """The iteration's training set. A model is loaded only if the defect that uses its answers has a weight above 0."""
    settings, (pairs, _) = job.section(Evaluator), learned_pairs(job)
    response_model = job.input("response_model", iteration=job.iteration)
    answers = _answers(job, pairs, response_model) if settings.defects.model_answer else {}
    drifts = _answers(job, pairs, job.input("base_model")) if settings.defects.drift else {}
    return training_set(pairs, answers, settings, job.settings.seed, job.language_pages, drifts)


def learn(job: Job, start: Path, rated: list[RatedPair], out: Path) -> dict[str, Metric]:
    """Fine-tunes the model in `start` to give a pair's label, saves it to `out` and returns figures of the training."""
    settings, rating = job.section(Evaluator), job.section(Rating)
    encoder = PromptEncoder(load_tokenizer(start), job.section(Prompts), budget=rating.max_response_tokens)
    labels = label_tokens(encoder, rating.labels)
    among = labels if settings.loss_over == "labels" else None
    names = load_names(job.language_pages)
    read = [*labels, encoder.budget]
    examples = kept_examples(job, start, rated, read, lambda: _examples(rated, encoder, labels, names))
    how = [settings.batches, settings.loss_over]
    held_out = _examples(_held_out(job), encoder, labels, names) if settings.training.evaluate_every else ()
    surroundings = surroundings_of(job, start, settings.training, examples, how, held_out)
    in_order = settings.batches == "in_order"
    return fine_tune(start, examples, out, settings.training, job.settings.seed, among, in_order, surroundings)


def _held_out(job: Job) -> list[RatedPair]:
    """Rated pairs on which the loss is measured during training. They come from the calibration seeds, because with the
    held-out seeds `keep_best` would choose a model by the pairs on which it is measured afterwards."""
    seeds, settings = seed_pairs(job, "calibration"), job.section(Evaluator)
    return calibration_set(seeds, job.settings.seed, job.language_pages, settings.open_instructions)


def _start(job: Job) -> Path:
    name = job.section(Evaluator).start_from
    return job.input(name, iteration=job.iteration if name == "response_model" else None)


def _answers(job: Job, pairs: list[Pair], model: Path) -> dict[str, str]:
    """A model's answers to the instructions, by the pair's id; empty answers are left out."""
    with LazyEngine(model, job.section(TextGeneration).of_several, job.settings.seed) as engine:
        room = engine.room(job.section(Decoding).max_new_tokens)
        encoder = PromptEncoder(engine.tokenizer, job.section(Prompts), room=room)
        names = load_names(job.language_pages)
        prompts = [encoder.write_response(pair.instruction, names[pair.language], pair.style) for pair in pairs]
        texts = engine.generate(prompts, answer_sampling(job.section(Decoding), job.settings.seed, encoder))
    return {pair.id: text.text for pair, text in zip(pairs, texts, strict=True) if text.text}


def _examples(
    rated: list[RatedPair], encoder: PromptEncoder, labels: list[int], names: Mapping[str, str]
) -> list[Example]:
    tokens = dict(zip(LEVELS, labels, strict=True))
    return [
        Example(encoder.rate(item.pair.instruction, item.response, names[item.pair.language]), [tokens[item.level]])
        for item in rated
    ]


def measure(job: Job, outcome: Outcome) -> dict[str, Metric]:
    return {**model_facts(job.staging), **gate_metrics(read_json(job.staging / "scores.json"))}


def gate_metrics(scores: dict[str, Any]) -> dict[str, Metric]:
    """The metrics of the evaluator from scores.json, without those that could not be measured."""
    labels = scores["labels_alone"]["auc"]
    by_language = {f"auc_{code}": figures["auc"] for code, figures in scores["by_language"].items()}
    measured = [value for value in by_language.values() if value is not None]
    metrics = {
        **{name: scores[name] for name in GATE_FIGURES},
        **{f"auc_{defect}": value for defect, value in scores["auc_by_defect"].items()},
        **by_language,
        "auc_labels": labels,
        "auc_gained": None if None in (labels, scores["auc"]) else scores["auc"] - labels,
        "least_auc_of_a_language": min(measured, default=None),
    }
    return {name: value for name, value in metrics.items() if value is not None}
