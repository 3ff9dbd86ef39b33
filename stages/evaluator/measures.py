"""How well an evaluator separates the best pairs from the others, on pairs whose level is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import (
    confusion_matrix,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
    roc_auc_score,
)

from stages.evaluator.reliability import expected_calibration_error
from x_instruction.rating.calibration import LEVELS
from x_instruction.rating.rate import with_rating

SURFACE_DEFECTS = ("wrong_language", "partly_foreign", "cut", "repeated", "boilerplate")


def scores(rated: pl.DataFrame, min_rating: float) -> dict[str, Any]:
    """Precision, recall, AUC by defect, calibration error and confusion of held-out pairs (at least one).

    `rated` has the columns level, defect, rating and the three probabilities. A pair counts as accepted if its rating
    is at least `min_rating`, the threshold of refined_pairs.
    """
    best, accepted = (rated["level"] == "best").to_numpy(), (rated["rating"] >= min_rating).to_numpy()
    confusion, by_level = _levels(rated)
    return {
        "pairs": rated.height,
        "threshold": min_rating,
        "precision": float(precision_score(best, accepted, zero_division=0.0)),
        "recall": float(recall_score(best, accepted, zero_division=0.0)),
        "auc": _auc(rated, pl.col("level") != "best"),
        "auc_surface": _auc(rated, pl.col("defect").is_in(SURFACE_DEFECTS)),
        "auc_by_defect": auc_by_defect(rated),
        "expected_calibration_error": expected_calibration_error(rated),
        "by_level": by_level,
        "confusion": confusion,
    }


def labels_alone(raw: pl.DataFrame, values: list[float]) -> dict[str, Any]:
    """AUC over all pairs and by defect, from the label probabilities before calibration and without the signals."""
    rated = with_rating(raw, values)
    return {"auc": _auc(rated, pl.col("level") != "best"), "auc_by_defect": auc_by_defect(rated)}


def auc_by_defect(rated: pl.DataFrame) -> dict[str, float | None]:
    defects = sorted(set(rated["defect"]) - {"none"})
    return {defect: _auc(rated, pl.col("defect") == defect) for defect in defects}


def _auc(rated: pl.DataFrame, worse: pl.Expr) -> float | None:
    """The AUC with which ratings separate the best pairs from the pairs that `worse` selects."""
    return area_under_curve(rated.filter(pl.col("level") == "best")["rating"], rated.filter(worse)["rating"])


def area_under_curve(positive: pl.Series, negative: pl.Series) -> float | None:
    """Probability that a positive is rated above a negative; a tie counts half. None if either series is empty."""
    if positive.is_empty() or negative.is_empty():
        return None
    truth = np.repeat([1, 0], [len(positive), len(negative)])
    return float(roc_auc_score(truth, pl.concat([positive, negative]).to_numpy()))


def _levels(rated: pl.DataFrame) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Counts by true level and then by the most probable level, and the precision and recall of each level."""
    levels, likeliest = rated["level"].to_list(), np.array(LEVELS)[rated.select(LEVELS).to_numpy().argmax(axis=1)]
    counts = confusion_matrix(levels, likeliest, labels=list(LEVELS)).tolist()
    figures = precision_recall_fscore_support(levels, likeliest, labels=list(LEVELS), zero_division=0.0)
    return (
        {level: dict(zip(LEVELS, row, strict=True)) for level, row in zip(LEVELS, counts, strict=True)},
        {
            level: {"precision": float(precision), "recall": float(recall)}
            for level, precision, recall in zip(LEVELS, figures[0], figures[1], strict=True)
        },
    )
