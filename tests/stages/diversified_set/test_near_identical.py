"""Near-identical instructions are found by their vectors, and the best rated of them is kept."""

from __future__ import annotations

import numpy as np
import pytest

from stages.diversified_set import near_identical
from stages.diversified_set.clusters import Clusters, cluster
from stages.diversified_set.near_identical import resembled
from tests.stages.diversified_set.test_clusters import groups
from x_instruction.embeddings.encoder import Vectors


def angles(*degrees: float) -> Vectors:
    """Unit vectors in a plane, at the given angles in degrees."""
    turned = np.radians(degrees)
    return np.column_stack([np.cos(turned), np.sin(turned)]).astype(np.float32)


def found(vectors: Vectors, limit: float) -> list[int]:
    return [int(row) for row in resembled(vectors, Clusters(np.zeros((len(vectors), 1), np.int64)), limit)]


def test_the_first_of_similar_vectors_is_kept() -> None:
    assert found(angles(0, 90, 2, 91, 45), limit=0.99) == [-1, -1, 0, 1, -1]


def test_a_vector_that_resembles_only_a_dropped_vector_is_kept() -> None:
    """Vectors that are 10 degrees apart are similar; the vectors at 0 and 20 degrees are not."""
    assert found(angles(0, 10, 20), limit=0.98) == [-1, 0, -1]


def test_equal_vectors_are_near_identical() -> None:
    assert found(angles(5, 5, 5), limit=0.999) == [-1, 0, 0]


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_size_of_a_chunk_does_not_change_the_result(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = groups((9, 9, 9), spread=0.6)
    expected = found(vectors, 0.75)
    monkeypatch.setattr(near_identical, "CHUNK", chunk)
    assert found(vectors, 0.75) == expected and {-1} < set(expected)


def test_in_a_large_set_similar_vectors_of_neighbouring_clusters_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 1,000 random vectors has a similar vector, which is often in another cluster."""
    random = np.random.default_rng(4)
    firsts = groups((1,) * 1000)
    seconds = firsts + 0.45 * random.standard_normal(firsts.shape).astype(np.float32) / np.sqrt(32)
    vectors = np.concatenate([firsts, seconds / np.linalg.norm(seconds, axis=1, keepdims=True)]).astype(np.float32)
    clusters = cluster(vectors, 40, seed=1)
    exact = resembled(vectors, clusters, 0.85) >= 0
    monkeypatch.setattr(near_identical, "ALL", 0)
    quick = resembled(vectors, clusters, 0.85) >= 0
    own_only = resembled(vectors, Clusters(clusters.nearest[:, :1]), 0.85) >= 0
    assert exact.sum() > 900 and not (quick & ~exact).any()
    assert quick.sum() > 0.85 * exact.sum() > own_only.sum()
