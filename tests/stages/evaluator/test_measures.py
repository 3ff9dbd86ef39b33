"""The evaluator's measures agree with values counted by hand."""

from __future__ import annotations

import polars as pl
import pytest

from stages.evaluator.measures import area_under_curve, labels_alone, scores

RATED = pl.DataFrame(
    [
        ("best", "none", 0.9, 0.1, 0.0),
        ("best", "none", 0.3, 0.5, 0.2),
        ("flawed", "cut", 0.5, 0.4, 0.1),
        ("flawed", "repeated", 0.1, 0.6, 0.3),
        ("worst", "swapped", 0.2, 0.2, 0.6),
        ("worst", "wrong_language", 0.0, 0.1, 0.9),
    ],
    schema=["level", "defect", "best", "flawed", "worst"],
    orient="row",
).with_columns(rating=pl.col("best") + 0.5 * pl.col("flawed"), language=pl.lit("fi"))


@pytest.mark.parametrize(
    ("good", "bad", "area"),
    [
        ([0.9, 0.8], [0.2, 0.1], 1.0),
        ([0.1], [0.2, 0.3], 0.0),
        ([0.9, 0.5], [0.5, 0.1], 3.5 / 4),  # of four comparisons, three are won and one is tied
        ([0.5, 0.5], [0.5], 0.5),
        ([0.4, 0.8, 0.6], [0.5, 0.7], 3 / 6),
    ],
)
def test_the_area_under_the_curve_is_the_share_of_pairs_won_with_ties_counted_half(
    good: list[float], bad: list[float], area: float
) -> None:
    assert area_under_curve(pl.Series(good), pl.Series(bad)) == pytest.approx(area)


def test_without_positives_or_negatives_there_is_no_area_under_the_curve() -> None:
    nothing = pl.Series([], dtype=pl.Float64)
    assert area_under_curve(nothing, pl.Series([0.5])) is area_under_curve(pl.Series([0.5]), nothing) is None


def test_precision_and_recall_are_measured_at_the_threshold() -> None:
    # Only two ratings are above 0.6: the 0.95 of a best pair and the 0.7 of a flawed pair. Another best pair has 0.55.
    found = scores(RATED, 0.6)
    assert (found["precision"], found["recall"], found["pairs"]) == (0.5, 0.5, 6)


def test_a_rating_equal_to_the_threshold_is_accepted() -> None:
    assert scores(RATED.with_columns(rating=pl.lit(0.5)), 0.5)["recall"] == 1.0


def test_precision_is_0_if_nothing_is_accepted() -> None:
    assert scores(RATED, 0.99)["precision"] == 0.0


def test_the_auc_of_a_defect_compares_the_best_pairs_only_with_that_defect() -> None:
    found = scores(RATED, 0.6)
    assert found["auc_by_defect"] == {"cut": 0.5, "repeated": 1.0, "swapped": 1.0, "wrong_language": 1.0}
    assert found["auc"] == pytest.approx(7 / 8)
    assert found["auc_surface"] == pytest.approx(5 / 6)


def test_the_confusion_counts_the_likeliest_level() -> None:
    assert scores(RATED, 0.6)["confusion"] == {
        "best": {"best": 1, "flawed": 1, "worst": 0},
        "flawed": {"best": 1, "flawed": 1, "worst": 0},
        "worst": {"best": 0, "flawed": 0, "worst": 2},
    }


def test_precision_and_recall_of_a_level_follow_from_the_confusion() -> None:
    assert scores(RATED, 0.6)["by_level"] == {
        "best": {"precision": 0.5, "recall": 0.5},
        "flawed": {"precision": 0.5, "recall": 0.5},
        "worst": {"precision": 1.0, "recall": 1.0},
    }


def test_the_labels_alone_are_also_measured() -> None:
    found = labels_alone(RATED.drop("rating"), [1, 0.5, 0])
    assert found == {"auc": scores(RATED, 0.6)["auc"], "auc_by_defect": scores(RATED, 0.6)["auc_by_defect"]}
