"""Each way of drawing pairs takes the expected rows. The rows are ordered from the best rating to the worst."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from stages.diversified_set.draw import at_random, by_marginal_relevance, by_rating, evenly
from tests.stages.diversified_set.test_near_identical import angles


def clusters(*sizes: int) -> np.ndarray:
    """Returns the cluster number of each row. The clusters take turns, so that no cluster has all the best rows."""
    rows = [(place, number) for number, size in enumerate(sizes) for place in range(size)]
    return np.array([number for _, number in sorted(rows)], np.int64)


@pytest.mark.parametrize(
    ("sizes", "pairs", "expected"),
    [
        ((9, 9, 9), 6, {0: 2, 1: 2, 2: 2}),
        ((1, 9, 9), 7, {0: 1, 1: 3, 2: 3}),
        ((2, 2), 9, {0: 2, 1: 2}),
        ((9,), 3, {0: 3}),
        ((5, 5), 1, {0: 1}),
    ],
)
def test_the_even_draw_has_the_right_size_and_is_as_even_as_possible(
    sizes: tuple[int, ...], pairs: int, expected: dict[int, int]
) -> None:
    numbers = clusters(*sizes)
    assert dict(Counter(numbers[evenly(numbers, pairs)].tolist())) == expected


def test_the_even_draw_takes_the_best_of_each_cluster() -> None:
    assert evenly(np.array([0, 0, 0, 1, 1, 2]), 4).tolist() == [True, True, False, True, False, True]


def test_the_draw_by_rating_takes_the_first_rows() -> None:
    assert by_rating(4, 2).tolist() == [True, True, False, False]
    assert by_rating(2, 9).tolist() == [True, True]


def test_the_random_draw_has_the_right_size_and_depends_on_the_seed() -> None:
    first = at_random(100, 30, seed=1)
    assert first.sum() == 30 and at_random(5, 9, seed=1).all()
    assert np.array_equal(first, at_random(100, 30, seed=1))
    assert not np.array_equal(first, at_random(100, 30, seed=2))


def test_marginal_relevance_takes_the_best_pair_and_then_different_pairs() -> None:
    ratings, vectors = np.array([0.9, 0.89, 0.5, 0.2]), angles(0, 1, 60, 180)
    assert by_marginal_relevance(ratings, vectors, 2, weight=0.5).tolist() == [True, False, False, True]
    assert by_marginal_relevance(ratings, vectors, 3, weight=0.5).tolist() == [True, False, True, True]


def test_the_weight_balances_rating_and_difference() -> None:
    ratings, vectors = np.array([0.9, 0.89, 0.5, 0.2]), angles(0, 1, 60, 180)
    assert by_marginal_relevance(ratings, vectors, 2, weight=1).tolist() == [True, True, False, False]
    assert by_marginal_relevance(ratings, vectors, 9, weight=0).all()
