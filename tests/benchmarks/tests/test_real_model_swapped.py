"""AUC of own responses against those of all other seeds, with an interval over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.real_model_swapped import area_over_seeds


def test_the_area_is_that_of_the_diagonal_against_the_other_ratings() -> None:
    assert area_over_seeds(np.eye(5)).value == 1
    assert area_over_seeds(1 - np.eye(5)).value == 0
    ratings = np.full((5, 5), 0.2) + 0.6 * np.eye(5)
    ratings[0, 0] = 0.1  # one of five own responses is below all others
    found = area_over_seeds(ratings)
    assert found.value == pytest.approx(0.8)
    assert found.interval.low < 0.7 and found.interval.high == 1


def test_a_seed_that_is_not_drawn_has_no_weight() -> None:
    ratings = 0.5 * np.eye(5)
    ratings[0, 1:] = ratings[1:, 0] = 1.0  # without the first seed, every own response is above all others
    found = area_over_seeds(ratings)
    assert found.value < 0.7 and found.interval.high == 1
