"""An evaluator's figures on held-out rated pairs: what is written beside the model, as metrics and as plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from stages.evaluator.calibration import expected_calibration_error, fitted_temperature, reliability
from stages.evaluator.measures import scores
from stages.evaluator.rating_set import RatedPair
from stages.files import write_json
from stages.plots import histogram, write_plot
from stages.rating import LEVELS, add_ratings, with_rating, with_temperature
from stages.settings import Settings
from stages.text_generation.lazy import LazyEngine

# Two equal runs differed in the last bit of a calibration error: the order of a sum is not fixed over threads.
DIGITS = 6


def measure_held_out(evaluator: Path, held_out: Sequence[RatedPair], settings: Settings) -> dict[str, Any]:
    """Rate the held-out pairs, fit the temperature, and write all that is known into the evaluator's folder.

    calibration.json (read wherever the evaluator rates), scores.json, held_out.parquet and plots/.
    """
    with LazyEngine(evaluator, settings.text_generation, settings.seed) as engine:
        raw = add_ratings(frame_of(held_out), engine, settings)
    temperature = fitted_temperature(raw) if settings.evaluator.temperature_scaling else 1.0
    rated = with_rating(with_temperature(raw, temperature), settings.evaluator.values)
    threshold = settings.refined_pairs.min_rating
    by_language = {code: rated.filter(pl.col("language") == code) for code in settings.languages}
    found = rounded(
        {
            **scores(rated, threshold),
            "temperature": temperature,
            "calibration_error_before_scaling": expected_calibration_error(raw),
            "by_language": {code: scores(own, threshold) for code, own in by_language.items()},
        }
    )
    rated.write_parquet(evaluator / "held_out.parquet")
    write_json(evaluator / "calibration.json", {"temperature": temperature})
    write_json(evaluator / "scores.json", found)
    _write_plots(evaluator, rated, by_language, found)
    return found


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
            reliability(own).select("predicted", "best_share", language=pl.lit(code))
            for code, own in {"all": rated, **by_language}.items()
            if own.height
        ),
    )
    auc = [
        (defect, value, code)
        for code, own in {"all": found, **found["by_language"]}.items()
        for defect, value in own["auc_by_defect"].items()
    ]
    write_plot(folder, "auc_by_defect", pl.DataFrame(auc, schema=["defect", "auc", "language"], orient="row"))
    confusion = [(level, found["confusion"][level][said], said) for level in LEVELS for said in LEVELS]
    write_plot(folder, "confusion", pl.DataFrame(confusion, schema=["level", "pairs", "rated as"], orient="row"))
    write_plot(folder, "ratings", histogram(rated, by="level"))
