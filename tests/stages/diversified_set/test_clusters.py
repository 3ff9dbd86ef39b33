"""Instructions are clustered by their vectors."""

from __future__ import annotations

import numpy as np
import pytest

from stages.diversified_set.clusters import cluster, number_of_clusters
from x_instruction.embeddings.encoder import Vectors


def groups(sizes: tuple[int, ...], seed: int = 3, spread: float = 0.1) -> Vectors:
    """Unit vectors in groups of the given sizes, each around a random direction."""
    random = np.random.default_rng(seed)
    middles = np.repeat(random.standard_normal((len(sizes), 32)), sizes, axis=0)
    vectors = middles / np.linalg.norm(middles, axis=1, keepdims=True)
    vectors = vectors + spread * random.standard_normal(vectors.shape) / np.sqrt(32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("pairs", "drawn", "wanted", "expected"),
    [
        (1160, 150, None, 150),
        (1160, 1000, None, 290),
        (1_000_000, 32_000, None, 1000),
        (3, 2, None, 1),
        (1160, 150, 6, 6),
        (2, 2, 6, 2),
    ],
)
def test_there_are_as_many_clusters_as_pairs_to_draw_unless_they_are_set(
    pairs: int, drawn: int, wanted: int | None, expected: int
) -> None:
    assert number_of_clusters(pairs, drawn, wanted) == expected


@pytest.mark.parametrize("seed", range(10))
def test_similar_vectors_share_a_cluster(seed: int) -> None:
    numbers = cluster(groups((4, 4, 4), seed), 3, seed).numbers
    assert [len(set(numbers[start : start + 4])) for start in (0, 4, 8)] == [1, 1, 1]
    assert len(set(numbers)) == 3


def test_many_vectors_are_clustered_from_a_sample_of_them() -> None:
    """The centres are found on a sample of 256 vectors per cluster, which is smaller than each group."""
    sizes = (6_000, 5_000, 1_000)
    numbers = cluster(groups(sizes), 3, seed=1).numbers
    assert sorted(np.bincount(numbers)) == sorted(sizes)


def test_equal_vectors_share_a_cluster_even_if_there_could_be_more() -> None:
    one, other = groups((1, 1))
    first, second, third = cluster(np.stack([one, one, other]), 3, seed=1).numbers
    assert first == second != third


def test_the_clusters_are_the_same_in_every_run() -> None:
    vectors = groups((50, 50, 50), spread=2)
    assert np.array_equal(cluster(vectors, 12, 5).nearest, cluster(vectors, 12, 5).nearest)


def test_the_second_nearest_cluster_of_a_vector_is_returned() -> None:
    nearest = cluster(groups((4, 4)), 2, seed=1).nearest
    assert nearest.shape == (8, 2) and (nearest[:, 0] != nearest[:, 1]).all()
    assert cluster(groups((4,)), 1, seed=1).nearest.tolist() == [[0]] * 4
