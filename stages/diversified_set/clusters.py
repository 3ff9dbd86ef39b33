"""Clusters of instructions (the method's step III, diversification), by faiss k-means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from x_instruction.embeddings.encoder import Vectors

# On 50,000 vectors and 500 clusters, the mean squared distance to the centre was 0.8156 with 10 rounds and 0.8155 with
# faiss's 25 (`make bench NAME=diversification`).
ROUNDS = 10
# The centres are found on this many vectors for each cluster (faiss's default); all vectors are then assigned.
VECTORS_PER_CLUSTER = 256
# Up to this many vectors, the first centres are chosen by k-means++; up to this many comparisons, the best of several
# starts counts. On 50 sets of three clear groups of four vectors, one random start mixed the groups of 14 sets, one
# start by k-means++ those of 1, and five those of none. Beyond these limits it would cost more than the rounds.
SMALL, SMALL_COMPARISONS, STARTS = 10_000, 1_000_000, 5
# The default number of clusters. As many as there are pairs to draw gave the most diverse draws: with 17, 34, 75, 150,
# 300 and 600 clusters of 1,160 instructions, 150 drawn ones were 0.65, 0.66, 0.67, 0.69, 0.68 and 0.68 from their
# nearest neighbours, and 150 random ones 0.65. But a cluster has some pairs to choose the best from, and a round is
# limited to a billion comparisons, about 6 s of a core: 1,000 clusters of a million pairs.
PAIRS_PER_CLUSTER, COMPARISONS = 4, 1_000_000_000
NEAREST = 2


@dataclass(frozen=True)
class Clusters:
    """`nearest` holds the numbers of the cluster of each vector and of the next one, shape (vectors, 2)."""

    nearest: npt.NDArray[np.int64]

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        return self.nearest[:, 0]


def number_of_clusters(pairs: int, drawn: int, wanted: int | None) -> int:
    """`wanted`, or as many as pairs are to be `drawn`, within the limits above; at least one, and at most `pairs`."""
    default = min(drawn, pairs // PAIRS_PER_CLUSTER, COMPARISONS // max(pairs, 1))
    return max(1, min(pairs, wanted or default))


def cluster(vectors: Vectors, clusters: int, seed: int) -> Clusters:
    """Assigns each vector to one of `clusters` clusters; equal vectors share one. At least one vector is needed.

    The same vectors in the same order give the same numbers with one number of threads.
    """
    import faiss

    small = len(vectors) <= SMALL
    means = faiss.Kmeans(
        vectors.shape[1],
        clusters,
        niter=ROUNDS,
        nredo=STARTS if len(vectors) * clusters <= SMALL_COMPARISONS else 1,
        seed=seed % 2**31,
        init_method=faiss.ClusteringInitMethod_KMEANS_PLUS_PLUS if small else faiss.ClusteringInitMethod_RANDOM,
        max_points_per_centroid=VECTORS_PER_CLUSTER,
        min_points_per_centroid=1,  # with fewer faiss prints a warning
    )
    means.train(vectors)
    _, nearest = means.index.search(vectors, min(NEAREST, clusters))
    return Clusters(nearest)
