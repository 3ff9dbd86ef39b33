"""Calibrates an evaluator, rates the held-out pairs with it, and writes their figures as metrics and plots.

Seeds are split into three parts: models learn from the first, ratings are calibrated on the second, and the third is
held out for measuring.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from stages.evaluator.fitting import fit_calibration
from stages.evaluator.measures import labels_alone, scores
from stages.evaluator.rating_set import RatedPair
from stages.evaluator.reliability import expected_calibration_error, reliability
from stages.evaluator.settings import Evaluator
from stages.evaluator.vectors import with_vectors
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.names import load_names
from x_instruction.models.settings import Prompts
from x_instruction.pairs.settings import RefinedPairs
from x_instruction.rating.calibration import LEVELS, Calibration
from x_instruction.rating.rate import add_ratings, with_rating
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import add_signals, similarities_wanted, without_fit
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.plots import histogram, write_plot

DIGITS = 6  # decimals that are kept; the last bits differ between runs, because threads add numbers in a varying order


def measure_held_out(
    job: Job, evaluator: Path, held_out: Sequence[RatedPair], to_fit: Sequence[RatedPair]
) -> dict[str, Any]:
    """Fits the calibration on the pairs `to_fit` and rates the held-out pairs with it.

    Writes calibration.json, scores.json, held_out.parquet and plots/ into the evaluator's folder; returns the scores.
    """
    if not held_out:
        raise InputError("there is no held-out seed: raise seed_pairs.held_out_share or add seeds")
    settings, rating = job.section(Evaluator), job.section(Rating)
    raw, fitting = _with_probabilities(job, [held_out, to_fit], evaluator)
    weights = settings.defects.model_dump()
    calibration = fit_calibration(fitting, rating.signals, weights, settings.temperature_scaling)
    rated = with_rating(calibration.apply(raw), rating.values)
    results = _figures(job, rated, raw) | {
        "calibration_pairs": fitting.height,
        "calibrated": int(calibration.regression is not None or not rating.signals),
        "temperature": None if calibration.regression else calibration.temperature,
    }
    rated.write_parquet(evaluator / "held_out.parquet")
    calibration.write(evaluator)
    write_json(evaluator / "scores.json", results)
    _write_plots(evaluator, rated, results)
    return results


def _figures(job: Job, rated: pl.DataFrame, raw: pl.DataFrame) -> dict[str, Any]:
    """Scores over all pairs and by language. `raw` has the label probabilities of the same pairs before calibration."""
    threshold = job.section(RefinedPairs).min_rating
    figures: dict[str, Any] = _rounded(
        {
            **scores(rated, threshold),
            "calibration_error_before": expected_calibration_error(raw),
            "labels_alone": labels_alone(raw, job.section(Rating).values),
            "by_language": {code: scores(part, threshold) for code, part in _by_language(rated).items()},
        }
    )
    return figures


def _with_probabilities(job: Job, sets: Sequence[Sequence[RatedPair]], evaluator: Path) -> list[pl.DataFrame]:
    """A frame for each set of pairs, with signals and label probabilities. The model is loaded once for all sets."""
    frame, settings = to_frame([pair for rated in sets for pair in rated]), job.section(Rating)
    if similarities_wanted(settings):
        frame = with_vectors(frame, job, evaluator)
    frame = without_fit(add_signals(frame, job, evaluator), job.section(Evaluator).open_instructions)
    rating = (settings, job.section(Prompts), load_names(job.language_pages))
    with LazyEngine(evaluator, job.section(TextGeneration).local, job.settings.seed) as engine:
        frame = add_ratings(frame, engine, Calibration(), *rating).drop("rating")
    starts = [sum(map(len, sets[:number])) for number in range(len(sets))]
    return [frame.slice(start, len(rated)) for start, rated in zip(starts, sets, strict=True)]


def _by_language(rated: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {code: rated.filter(pl.col("language") == code) for code in rated["language"].unique(maintain_order=True)}


def _rounded(figures: Any) -> Any:
    """The figures with all floats rounded to DIGITS decimals; `figures` may be a nested dict or a single value."""
    if isinstance(figures, dict):
        return {name: _rounded(value) for name, value in figures.items()}
    return round(figures, DIGITS) if isinstance(figures, float) else figures


def to_frame(rated: Sequence[RatedPair]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "language": [rated_pair.pair.language for rated_pair in rated],
            "instruction": [rated_pair.pair.instruction for rated_pair in rated],
            "response": [rated_pair.response for rated_pair in rated],
            "level": [rated_pair.level for rated_pair in rated],
            "defect": [rated_pair.defect for rated_pair in rated],
        }
    )


def _write_plots(folder: Path, rated: pl.DataFrame, results: dict[str, Any]) -> None:
    curves = [
        reliability(part).select("predicted", "best_share", series=pl.lit(name))
        for name, part in {"all": rated, **_by_language(rated)}.items()
    ]
    auc = [
        (defect, value, name)
        for name, figures in {"all": results, "labels alone": results["labels_alone"], **results["by_language"]}.items()
        for defect, value in figures["auc_by_defect"].items()
    ]
    confusion = [(level, results["confusion"][level][label], f"rated {label}") for level in LEVELS for label in LEVELS]
    write_plot(folder, "reliability", pl.concat(curves))
    write_plot(folder, "auc_by_defect", pl.DataFrame(auc, schema=["defect", "auc", "series"], orient="row"))
    write_plot(folder, "confusion", pl.DataFrame(confusion, schema=["level", "pairs", "series"], orient="row"))
    write_plot(folder, "ratings", histogram(rated, by="level"))
