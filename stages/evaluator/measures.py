"""How well an evaluator tells the best pairs from the others, on pairs of known level."""

from __future__ import annotations

from typing import Any

import polars as pl

from stages.evaluator.reliability import expected_calibration_error
from x_instruction.rating.calibration import LEVELS
from x_instruction.rating.rate import with_rating

SURFACE_DEFECTS = ("wrong_language", "partly_foreign", "cut", "repeated", "boilerplate")


def area_under_curve(positive: pl.Series, negative: pl.Series) -> float | None:
    """Probability that a positive is rated above a negative, ties counted half (Mann-Whitney). None if one is empty."""
    if positive.is_empty() or negative.is_empty():
        return None
    ranks = pl.concat([positive, negative]).rank("average")
    rank_sum = float(ranks.head(len(positive)).sum())
    pairs = len(positive) * len(negative)
    return (rank_sum - len(positive) * (len(positive) + 1) / 2) / pairs


def scores(rated: pl.DataFrame, min_rating: float) -> dict[str, Any]:
    """Precision, recall, AUC by defect, calibration and confusion of a frame of held-out rated pairs.

    Columns: language, level, defect, rating and the three probabilities. A pair is taken as good from
    `min_rating` on, the working threshold of refined_pairs.
    """
    best = pl.col("level") == "best"
    taken = rated.filter(pl.col("rating") >= min_rating)
    good = rated.filter(best)
    confusion = _confusion(rated)
    return {
        "pairs": rated.height,
        "threshold": min_rating,
        "precision": _share(taken.filter(best).height, taken.height),
        "recall": _share(taken.filter(best).height, good.height),
        "auc": area_under_curve(good["rating"], rated.filter(~best)["rating"]),
        "auc_surface": area_under_curve(
            good["rating"], rated.filter(pl.col("defect").is_in(SURFACE_DEFECTS))["rating"]
        ),
        "auc_by_defect": auc_by_defect(rated),
        "expected_calibration_error": expected_calibration_error(rated),
        "by_level": by_level(confusion),
        "confusion": confusion,
    }


def labels_alone(raw: pl.DataFrame, values: list[float]) -> dict[str, Any]:
    """AUC over all and by defect of the label probabilities before they are calibrated and joined with the signs."""
    rated = with_rating(raw, values)
    good = rated.filter(pl.col("level") == "best")["rating"]
    return {
        "auc": area_under_curve(good, rated.filter(pl.col("level") != "best")["rating"]),
        "auc_by_defect": auc_by_defect(rated),
    }


def auc_by_defect(rated: pl.DataFrame) -> dict[str, float | None]:
    good = rated.filter(pl.col("level") == "best")["rating"]
    return {
        defect: area_under_curve(good, rated.filter(pl.col("defect") == defect)["rating"])
        for defect in sorted(set(rated["defect"]) - {"none"})
    }


def by_level(confusion: dict[str, dict[str, int]]) -> dict[str, dict[str, float]]:
    """Precision and recall of each level, a pair taken for its likeliest one."""
    return {
        level: {
            "precision": _share(confusion[level][level], sum(row[level] for row in confusion.values())),
            "recall": _share(confusion[level][level], sum(confusion[level].values())),
        }
        for level in LEVELS
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _confusion(rated: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Counts by true level, then by the most probable one."""
    said = rated.select(
        "level", pl.concat_list(LEVELS).list.arg_max().replace_strict(dict(enumerate(LEVELS))).alias("said")
    )
    counts = {(level, answer): count for level, answer, count in said.group_by("level", "said").len().iter_rows()}
    return {level: {answer: counts.get((level, answer), 0) for answer in LEVELS} for level in LEVELS}
