"""Clusters of instructions (the method's step III, diversification), by faiss k-means."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt

from x_instruction.embeddings.encoder import Vectors

# On 100,000 vectors and 316 clusters, the mean squared distance to the centre was 0.878 with 10 rounds and 0.879 with
# faiss's 25 (`make bench NAME=diversification`).
ROUNDS = 10
# The centres are found on so many vectors for each cluster (faiss's default); all vectors are then assigned.
VECTORS_PER_CLUSTER = 256
# Up to so many vectors, the first centres are chosen by k-means++ and the best of several starts counts: of 50 sets of
# three clear groups of four vectors, one start from random centres mixed 14 and one by k-means++ 1, five mixed none.
# With more vectors and clusters, that would cost more than the rounds.
SMALL, STARTS = 10_000, 5
NEAREST = 2


@dataclass(frozen=True)
class Clusters:
    """`nearest` holds the numbers of the cluster of each vector and of the next one, shape (vectors, 2)."""

    nearest: npt.NDArray[np.int64]

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        return self.nearest[:, 0]


def number_of_clusters(pairs: int, wanted: int | None) -> int:
    """`wanted`, or the square root of the number of pairs; at least one, and not more than there are pairs."""
    return max(1, min(pairs, wanted or isqrt(pairs)))


def cluster(vectors: Vectors, clusters: int, seed: int) -> Clusters:
    """Assign each vector to one of so many clusters; equal vectors share one. At least one vector is needed.

    The same vectors in the same order give the same numbers with one number of threads.
    """
    import faiss

    small = len(vectors) <= SMALL
    means = faiss.Kmeans(
        vectors.shape[1],
        clusters,
        niter=ROUNDS,
        nredo=STARTS if small else 1,
        seed=seed % 2**31,
        init_method=faiss.ClusteringInitMethod_KMEANS_PLUS_PLUS if small else faiss.ClusteringInitMethod_RANDOM,
        max_points_per_centroid=VECTORS_PER_CLUSTER,
        min_points_per_centroid=1,  # with fewer faiss prints a warning
    )
    means.train(vectors)
    _, nearest = means.index.search(vectors, min(NEAREST, clusters))
    return Clusters(nearest)
