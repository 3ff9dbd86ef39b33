"""An evaluator's figures on held-out rated pairs: what is written beside the model, as metrics and as plots.

Seeds are parted in three: models learn from some, ratings are calibrated on some, and on the others nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from stages.evaluator.fitting import fitted
from stages.evaluator.measures import labels_alone, scores
from stages.evaluator.rating_set import RatedPair
from stages.evaluator.reliability import expected_calibration_error, reliability
from stages.evaluator.settings import Evaluator
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.generation.settings import TextGeneration
from x_instruction.language.names import load_names
from x_instruction.models.settings import Prompts
from x_instruction.pairs.settings import RefinedPairs
from x_instruction.rating.calibration import LEVELS, Calibration
from x_instruction.rating.rate import add_ratings, with_rating
from x_instruction.rating.settings import Rating
from x_instruction.rating.signals import add_signals
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.plots import histogram, write_plot

# Two equal runs differed in the last bit of a calibration error: the order of a sum is not fixed over threads.
DIGITS = 6


def measure_held_out(
    job: Job, evaluator: Path, held_out: Sequence[RatedPair], to_fit: Sequence[RatedPair]
) -> dict[str, Any]:
    """Fit the calibration on the pairs `to_fit`, rate the held-out ones by it, write what is known beside the model.

    calibration.json (read wherever the evaluator rates), scores.json, held_out.parquet and plots/.
    """
    own, rating = job.section(Evaluator), job.section(Rating)
    raw, fitting = _with_probabilities(job, [held_out, to_fit], evaluator)
    calibration = fitted(fitting, rating.signals, own.defects.model_dump(), own.temperature_scaling)
    rated = with_rating(calibration.apply(raw), rating.values)
    threshold = job.section(RefinedPairs).min_rating
    by_language = {code: rated.filter(pl.col("language") == code) for code in job.settings.languages}
    found = rounded(
        {
            **scores(rated, threshold),
            "calibration_pairs": fitting.height,
            "calibrated": int(calibration.weights is not None or not rating.signals),
            "temperature": None if calibration.weights else calibration.temperature,
            "calibration_error_before": expected_calibration_error(raw),
            "labels_alone": labels_alone(raw, rating.values),
            "by_language": {code: scores(own, threshold) for code, own in by_language.items()},
        }
    )
    rated.write_parquet(evaluator / "held_out.parquet")
    calibration.write(evaluator)
    write_json(evaluator / "scores.json", found)
    _write_plots(evaluator, rated, by_language, found)
    return found


def _with_probabilities(job: Job, sets: Sequence[Sequence[RatedPair]], evaluator: Path) -> list[pl.DataFrame]:
    """Each set with the signs of its pairs and the label probabilities as the evaluator gives them; one engine load."""
    frame = add_signals(frame_of([one for rated in sets for one in rated]), job)
    asking = (job.section(Rating), job.section(Prompts), load_names(job.language_pages))
    with LazyEngine(evaluator, job.section(TextGeneration).local, job.settings.seed) as engine:
        frame = add_ratings(frame, engine, Calibration(), *asking).drop("rating")
    starts = [sum(map(len, sets[:number])) for number in range(len(sets))]
    return [frame.slice(start, len(rated)) for start, rated in zip(starts, sets, strict=True)]


def rounded(found: Any) -> Any:
    """All figures in it to DIGITS decimals."""
    if isinstance(found, dict):
        return {name: rounded(value) for name, value in found.items()}
    return round(found, DIGITS) if isinstance(found, float) else found


def frame_of(rated: Sequence[RatedPair]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "language": [one.pair.language for one in rated],
            "instruction": [one.pair.instruction for one in rated],
            "response": [one.response for one in rated],
            "level": [one.level for one in rated],
            "defect": [one.defect for one in rated],
        }
    )


def _write_plots(
    folder: Path, rated: pl.DataFrame, by_language: dict[str, pl.DataFrame], found: dict[str, Any]
) -> None:
    write_plot(
        folder,
        "reliability",
        pl.concat(
            reliability(own).select("predicted", "best_share", series=pl.lit(code))
            for code, own in {"all": rated, **by_language}.items()
            if own.height
        ),
    )
    auc = [
        (defect, value, code)
        for code, own in {"all": found, "labels alone": found["labels_alone"], **found["by_language"]}.items()
        for defect, value in own["auc_by_defect"].items()
    ]
    write_plot(folder, "auc_by_defect", pl.DataFrame(auc, schema=["defect", "auc", "series"], orient="row"))
    confusion = [(level, found["confusion"][level][said], f"rated {said}") for level in LEVELS for said in LEVELS]
    write_plot(folder, "confusion", pl.DataFrame(confusion, schema=["level", "pairs", "series"], orient="row"))
    write_plot(folder, "ratings", histogram(rated, by="level"))
