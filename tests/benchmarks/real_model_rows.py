"""The rows of the benchmark real_model, from its finished project and the project of the embedded model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import polars as pl

from stages.params import Settings, load_settings
from tests.benchmarks.real_model_figures import (
    FIRST_OF,
    Matrix,
    Measured,
    chrf,
    cosines,
    mean_of,
    own_first,
    precision_by_seed,
    precision_gain,
    shards,
    well_formed_share,
)
from tests.benchmarks.real_model_measures import (
    MODELS,
    PAIR,
    nearness,
    response_losses,
    unlearned_seeds,
    with_vectors,
    written_by,
)
from tests.benchmarks.real_model_swapped import swapped_rows
from tests.benchmarks.swapped_likelihood import AS_IS, area, areas, likelihoods
from tests.benchmarks.table import Row
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.runner.files import read_json


def rows_of(project: Path, embedded: Path) -> list[Row]:
    settings = load_settings(project / "params.yaml")
    return [
        *instruction_rows(project, embedded, settings),
        *likelihood_rows(project, settings),
        *evaluator_rows(project, embedded),
        *swapped_rows(project, embedded),
        *kept_rows(project, settings),
        *answer_rows(project, embedded, settings),
    ]


def instruction_rows(project: Path, embedded: Path, settings: Settings) -> list[Row]:
    figures = quality(project, "instruction_model")
    loss, untuned = figures["held_out_loss"], figures["held_out_loss"] - figures["held_out_loss_change"]
    formed, formed_embedded = (formed_share(folder, settings.languages) for folder in (project, embedded))
    return [
        Row("instruction model, loss on unseen seeds", "nats", loss, untuned, "untuned; the goal is 1.0 less"),
        Row("one complete English instruction", "share", formed, 0.98, beside({"embedded model": formed_embedded})),
        *nearness_rows(project, embedded, settings),
    ]


def formed_share(project: Path, languages: list[str]) -> float:
    manifests = [read_json(project / "data" / "candidate_pairs" / code / "manifest.json") for code in languages]
    drops: dict[str, int] = {}
    for manifest in manifests:
        for reason, number in manifest["drop_reasons"].items():
            drops[reason] = drops.get(reason, 0) + number
    return well_formed_share(sum(manifest["rows"] for manifest in manifests), drops)


def nearness_rows(project: Path, embedded: Path, settings: Settings) -> list[Row]:
    """Rows that show how near instructions are to their texts, for all candidate pairs, even those dropped later."""
    pairs = candidates(project, settings.languages)
    untuned = written_by(project, settings, "base_model", pairs.select("language", "response"))
    ours = by_language(project, pairs)
    compared = {
        "untuned": by_language(project, untuned),
        "embedded model": by_language(embedded, candidates(embedded, settings.languages)),
    }

    def row(case: str, unit: str, goal: float, figure: Callable[[dict[str, Matrix]], float], texts: int) -> Row:
        note = beside({name: figure(tables) for name, tables in compared.items()})
        return Row(case, unit, figure(ours), goal, f"{note}; {texts} texts")

    sizes = {code: len(table) for code, table in ours.items()}
    case, total = "instruction near its own text", sum(sizes.values())
    return [
        *(row(f"{case}, {code}", "AUC", 0.9, of_language(code), size) for code, size in sizes.items()),
        row(f"{case}, mean", "AUC", 0.95, lambda tables: mean(map(area, tables.values())), total),
        row(
            f"own text is the nearest of {FIRST_OF}",
            "share",
            0.6,
            lambda tables: mean(map(own_first, tables.values())),
            total,
        ),
    ]


def of_language(code: str) -> Callable[[dict[str, Matrix]], float]:
    return lambda tables: area(tables[code])


def candidates(project: Path, languages: list[str]) -> pl.DataFrame:
    return pl.concat(shards(project, "candidate_pairs", code).select(PAIR) for code in languages)


def by_language(project: Path, pairs: pl.DataFrame) -> dict[str, Matrix]:
    found = with_vectors(project, pairs).partition_by("language", as_dict=True, maintain_order=True)
    return {str(code): cosines(some) for (code,), some in found.items()}


def beside(values: dict[str, float | None]) -> str:
    """The note of a row: the figures to print beside its bound, except those that could not be measured."""
    return "; ".join(["at least", *(f"{name} {value:.3g}" for name, value in values.items() if value is not None)])


def likelihood_rows(project: Path, settings: Settings) -> list[Row]:
    """Rows with the AUC of an instruction's own response against others.

    The score is the instruction model's likelihood of the instruction, on seeds that this model has not learned.
    """
    rows = []
    with LazyEngine(project / "data" / "instruction_model", settings.text_generation, settings.seed) as engine:
        for code in settings.languages:
            seeds = unlearned_seeds(project, code)
            found = areas(*likelihoods(engine, seeds, settings.prompts))
            rows += [
                Row(f"likelihood, swapped, {code}, {name}", "AUC", value, found[AS_IS], f"{AS_IS}; {len(seeds)} seeds")
                for name, value in found.items()
            ]
    return rows


def evaluator_rows(project: Path, embedded: Path) -> list[Row]:
    rows = []
    for number in (1, 2):
        path = f"data/metrics/evaluator/iteration_{number}.json"
        scores, other = (read_json(folder / path) for folder in (project, embedded))
        alone = scores["labels_alone"]
        for code, found in scores["by_language"].items():
            note = beside({"embedded model": other["by_language"][code]["auc"]})
            rows.append(Row(f"evaluator {number}, {code}", "AUC", found["auc"], 0.9, note))
        for defect, value in scores["auc_by_defect"].items():
            compared = {"labels alone": alone["auc_by_defect"], "embedded model": other["auc_by_defect"]}
            note = beside({name: values[defect] for name, values in compared.items()})
            rows.append(Row(f"evaluator {number}, {defect}", "AUC", value, 0.9, note))
        rows.append(Row(f"evaluator {number}, labels alone", "AUC", alone["auc"], scores["auc"], "with signals"))
    return rows


def kept_rows(project: Path, settings: Settings) -> list[Row]:
    rated = [pl.read_parquet(project / f"data/evaluator/iteration_{number}/held_out.parquet") for number in (1, 2)]
    limit = settings.refined_pairs.min_rating
    first, second = (precision_by_seed(frame, limit) for frame in rated)
    case, gain = "kept planted pairs that are good, iteration", precision_gain(rated[0], rated[1], limit)
    return [
        Row(f"{case} 1", "share", first.value, 0.9, f"at least; {first}"),
        Row(f"{case} 2", "share", second.value, first.value, f"iteration 1; the difference is {gain}"),
    ]


def answer_rows(project: Path, embedded: Path, settings: Settings) -> list[Row]:
    """Rows that compare the tuned model with the seed-only and the base model. Their figures have 95 % intervals."""
    near = nearness(project, settings, answers(project, settings.languages))
    of = {name: near.filter(pl.col("model") == name) for name in MODELS}
    of["embedded"] = answers(embedded, settings.languages).filter(pl.col("model") == "tuned")
    held_out = {name: frame.filter(pl.col("kind") == "held_out") for name, frame in of.items()}
    compared = {
        ("answers in the asked language", "share"): {name: mean_of(frame["in_language"]) for name, frame in of.items()},
        ("loss on unseen seeds", "nats"): {name: response_losses(project, settings, MODELS[name]) for name in MODELS},
        ("chrF of answers to unseen seeds", "chrF"): {name: chrf(frame) for name, frame in held_out.items()},
        ("answer near its question", "cosine"): {name: mean_of(of[name]["similarity"]) for name in MODELS},
    }
    return [
        Row(f"tuned model, {case}", unit, found["tuned"].value, found["seed_only"].value, interval_note(found))
        for (case, unit), found in compared.items()
    ]


def answers(project: Path, languages: list[str]) -> pl.DataFrame:
    return pl.concat(shards(project, "eval_scores", code) for code in languages)


def interval_note(found: dict[str, Measured]) -> str:
    """A note with each model's interval, and with the embedded model's figure if it can be compared."""
    note = f"seed-only; {found['tuned']} against {found['seed_only']}; base {found['base']}"
    return f"{note}; embedded model {found['embedded'].value:.3g}" if "embedded" in found else note


def quality(project: Path, artifact: str) -> dict[str, Any]:
    found: dict[str, Any] = read_json(project / "data" / "quality" / artifact / "all.json")["metrics"]
    return found
