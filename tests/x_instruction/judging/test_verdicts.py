"""Verdicts of judges are formed and counted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from x_instruction.judging.comparisons import comparisons_of, length_controlled
from x_instruction.judging.verdicts import SCHEMA, Opinion, by_column, by_opinions, no_verdicts, pairs_of


def answers(**ratings: list[float]) -> pl.DataFrame:
    """Answers to numbered questions; each keyword is a model's name with the ratings of its answers."""
    return pl.DataFrame(
        [
            {"question_id": f"q{number}", "model": model, "rating": value, "response": "x" * number}
            for model, values in ratings.items()
            for number, value in enumerate(values)
        ]
    )


def pairs(ours: list[float], other: list[float]) -> pl.DataFrame:
    return pairs_of(answers(tuned=ours, base=other), "tuned", "base")


@pytest.mark.parametrize(
    ("ours", "other", "verdict"),
    [(0.9, 0.5, "win"), (0.5, 0.9, "loss"), (0.5, 0.54, "tie"), (0.54, 0.5, "tie"), (0.5, 0.5, "tie")],
)
def test_ratings_within_the_margin_are_a_tie(ours: float, other: float, verdict: str) -> None:
    found = by_column(pairs([ours], [other]), "evaluator", "rating", 0.05)
    assert found["verdict"].to_list() == [verdict] and found.schema == SCHEMA


def test_answers_are_compared_by_question_in_any_order() -> None:
    table = answers(tuned=[0.9, 0.1, 0.5], base=[0.5, 0.5, 0.5])
    turned = by_column(pairs_of(table.reverse(), "tuned", "base"), "evaluator", "rating", 0.05)
    assert turned.sort("question_id")["verdict"].to_list() == ["win", "loss", "tie"]


def test_an_answer_without_a_rating_has_no_verdict() -> None:
    found = by_column(pairs([float("nan"), 1.0], [0.5, 0.5]), "similarity", "rating", 0.05)
    assert found["verdict"].to_list() == [None, "win"] and "no rating" in found["failure"][0]


def test_a_model_wins_only_if_it_wins_in_both_orders() -> None:
    opinions = [Opinion(0.8, 0.6), Opinion(0.8, -0.2), Opinion(-0.1, -0.1), Opinion(0.0, 0.9), Opinion(failure="down")]
    found = by_opinions(pairs([0.0] * 5, [0.0] * 5), "served", opinions, 0.05)
    assert found["verdict"].to_list() == ["win", "tie", "loss", "tie", None]
    assert found["shown_first"].to_list() == ["win", "win", "loss", "tie", None]
    assert found["shown_second"].to_list() == ["win", "loss", "loss", "win", None]
    assert found["lead"].to_list() == pytest.approx([0.7, 0.3, -0.1, 0.45, None])
    assert found["failure"].to_list() == ["", "", "", "", "down"] and found.schema == SCHEMA


def test_a_lead_that_is_not_finite_is_no_verdict() -> None:
    nan, infinite = float("nan"), float("inf")
    opinions = [Opinion(nan, nan), Opinion(nan, 0.5), Opinion(infinite, infinite), Opinion(infinite, -infinite)]
    found = by_opinions(pairs([0.0] * 4, [0.0] * 4), "served", opinions, 0.05)
    assert found["verdict"].null_count() == found["lead"].null_count() == 4
    assert found["shown_first"].null_count() == 4 and found["shown_second"].to_list() == [None, "win", None, None]
    assert compared(opinions)["failures"] == 4


def compared(opinions: list[Opinion]) -> dict[str, object]:
    size = len(opinions)
    table = answers(tuned=[0.0] * size, base=[0.0] * size)
    lengths = table.select("question_id", "model", characters=pl.lit(5, pl.Int64))
    verdicts = by_opinions(pairs_of(table, "tuned", "base"), "served", opinions, 0.0)
    return comparisons_of(verdicts, lengths, 200, 1).row(0, named=True)


def test_wins_ties_losses_and_disagreements_of_the_orders_are_counted() -> None:
    found = compared([Opinion(1, 1), Opinion(1, 1), Opinion(1, -1), Opinion(-1, -1), Opinion(failure="down")])
    assert (found["wins"], found["ties"], found["losses"], found["failures"]) == (2, 1, 1, 1)
    assert (found["win_share"], found["order_disagreement"], found["questions"]) == (2.5 / 4, 1 / 4, 4)
    assert 0 <= float(str(found["low"])) < 0.625 < float(str(found["high"])) <= 1


def test_a_judge_that_always_fails_has_no_win_share() -> None:
    found = compared([Opinion(failure="down")] * 2)
    assert (found["win_share"], found["length_controlled"], found["failures"]) == (None, None, 2)


def test_without_verdicts_there_is_no_comparison() -> None:
    assert comparisons_of(
        no_verdicts(),
        pl.DataFrame(schema={"question_id": pl.String, "model": pl.String, "characters": pl.Int64}),
        10,
        1,
    ).is_empty()


def test_a_model_that_wins_only_by_length_gets_a_half_if_length_is_controlled() -> None:
    """The longer answer wins in nine of ten comparisons, and our answer is longer in three of four."""
    chance = np.random.default_rng(5)
    longer = np.where(chance.random(800) < 0.75, 100.0, -100.0)
    values = np.where(chance.random(800) < 0.9, longer > 0, longer < 0).astype(float)
    controlled = length_controlled(values, longer)
    assert values.mean() > 0.65 and controlled == pytest.approx(0.5, abs=0.06)


def test_length_control_does_not_change_a_model_that_is_better_at_any_length() -> None:
    chance = np.random.default_rng(6)
    values = (chance.random(800) < 0.8).astype(float)
    assert length_controlled(values, chance.normal(0, 50, 800)) == pytest.approx(values.mean(), abs=0.03)


def test_a_tie_counts_half_in_the_controlled_share() -> None:
    longer = np.array([-10.0, 10.0, -10.0, 10.0])
    assert length_controlled(np.array([0.5, 0.5, 0.5, 0.5]), longer) == pytest.approx(0.5)


def test_equal_verdicts_are_not_changed_by_length_control() -> None:
    assert length_controlled(np.ones(3), np.array([1.0, 2.0, 3.0])) == 1.0
    assert length_controlled(np.array([1.0, 0.0]), np.zeros(2)) == 0.5
