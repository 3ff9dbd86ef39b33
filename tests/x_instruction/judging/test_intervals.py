"""Bootstrap intervals of figures and of paired differences are right."""

from __future__ import annotations

import numpy as np
import pytest

from x_instruction.judging.intervals import Observed, difference, estimate, mean_of, ratio

QUESTIONS = [f"q{number}" for number in range(200)]


def test_the_interval_of_a_mean_is_close_to_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(10, 2, 200)
    found = estimate(mean_of(QUESTIONS, values), 2000, 3)
    assert found and found.low is not None and found.high is not None
    half = 1.96 * values.std() / 200**0.5
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.06)


def test_about_95_of_a_hundred_intervals_contain_the_mean() -> None:
    chance, inside = np.random.default_rng(2), 0
    for number in range(200):
        found = estimate(mean_of(QUESTIONS[:40], chance.normal(0, 1, 40)), 400, number)
        assert found and found.low is not None and found.high is not None
        inside += found.low <= 0 <= found.high
    assert 180 <= inside <= 198


def test_a_ratio_is_computed_from_sums() -> None:
    found = estimate(Observed(["a", "b"], np.array([[10.0, 1.0], [10.0, 9.0]]), ratio), 100, 1)
    assert found and found.value == 2.0


def test_a_paired_difference_is_narrower_than_the_figures() -> None:
    """The same questions are hard for both models, and one model is always slightly better."""
    hard = np.random.default_rng(4).normal(0, 5, 200)
    ours, other = mean_of(QUESTIONS, hard + 1), mean_of(QUESTIONS[::-1], hard[::-1])
    gain = difference(ours, other, 500, 1)
    assert gain and (gain.value, gain.low, gain.high) == pytest.approx((1, 1, 1))


def test_a_difference_uses_the_questions_that_both_models_answered() -> None:
    gain = difference(mean_of(["a", "b", "c"], [1, 2, 30]), mean_of(["b", "a", "d"], [0, 0, 99]), 100, 1)
    assert gain and (gain.value, gain.questions) == (1.5, 2)


def test_the_same_seed_gives_the_same_interval() -> None:
    observed = mean_of(QUESTIONS, np.arange(200))
    assert estimate(observed, 100, 7) == estimate(observed, 100, 7) != estimate(observed, 100, 8)


def test_one_question_gives_no_interval_and_no_question_gives_no_figure() -> None:
    one = estimate(mean_of(["a"], [3.0]), 100, 1)
    assert one and (one.value, one.low, one.high) == (3.0, None, None)
    assert estimate(mean_of([], []), 100, 1) is None
    assert difference(mean_of(["a"], [1]), mean_of(["b"], [1]), 100, 1) is None
