"""The confidence interval of the difference between two iterations is right."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.benchmarks.iterations import differences


def held_out(seeds: int, noise: float, seed: int) -> pl.DataFrame:
    """For each seed, a good pair rated 1 and two corrupted pairs rated 0, with noise."""
    draw = np.random.default_rng(seed)
    truth = np.tile([1.0, 0.0, 0.0], seeds)
    return pl.DataFrame(
        {
            "instruction": [f"Ask {number // 3}" for number in range(3 * seeds)],
            "response": [f"Text {number}" for number in range(3 * seeds)],
            "defect": ["none", "cut", "swapped"] * seeds,
            "level": ["best", "flawed", "worst"] * seeds,
            "rating": truth + draw.normal(0.0, noise, 3 * seeds),
        }
    )


def test_a_better_iteration_differs_beyond_chance() -> None:
    found = differences(
        held_out(200, noise=0.8, seed=1), held_out(200, noise=0.3, seed=2), min_rating=0.5, resamples=80
    )
    assert found["auc"].low > 0.05
    assert found["precision"].low > 0.05
    assert found["recall"].low > 0.05


def test_the_interval_of_equal_iterations_contains_zero() -> None:
    found = differences(held_out(60, noise=0.5, seed=1), held_out(60, noise=0.5, seed=2), min_rating=0.5, resamples=80)
    assert found["auc"].low < 0 < found["auc"].high


def test_one_bad_pair_among_many_is_within_chance() -> None:
    before = held_out(200, noise=0.05, seed=1)
    rating = before["rating"].to_list()
    rating[0] = -1.0
    found = differences(before, before.with_columns(rating=pl.Series(rating)), min_rating=0.5, resamples=80)
    assert found["auc"].low < 0.0
    assert found["auc"].high == 0.0


def test_iterations_with_different_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="same pairs"):
        differences(held_out(5, 0.1, 1), held_out(6, 0.1, 1), min_rating=0.5, resamples=80)
