"""Clusters instructions with the k-means of faiss (step III of X-Instruction, diversification)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from x_instruction.embeddings.encoder import Vectors

# On 50,000 vectors and 500 clusters, the mean squared distance to the centre was 0.8156 with 10 rounds and 0.8155 with
# faiss's default of 25 (`make bench NAME=diversification`).
ROUNDS = 10
# The centres are computed from at most this many vectors for each cluster (faiss's default). Then each vector is
# assigned to its nearest centre.
VECTORS_PER_CLUSTER = 256
# The initial centres are chosen by k-means++ if there are at most SMALL vectors, and at random if there are more. If
# vectors times clusters is at most SMALL_COMPARISONS, clustering is run STARTS times and the best result is used. In a
# test with 50 sets of three clear groups, groups were mixed in 14 sets with one random start, in 1 set with one start
# by k-means++, and in none with five.
SMALL, SMALL_COMPARISONS, STARTS = 10_000, 1_000_000, 5
# By default there are as many clusters as pairs to draw, within the limits below. When 150 of 1,160 instructions were
# drawn, the mean distance from the nearest neighbour was 0.69 with 150 clusters, 0.65 with 17, 0.68 with 600, and 0.65
# in a random draw. PAIRS_PER_CLUSTER leaves on average at least four pairs in a cluster, from which the best is drawn.
# COMPARISONS limits the assignment of all pairs to their clusters to a billion comparisons (a million pairs with 1,000
# clusters).
PAIRS_PER_CLUSTER, COMPARISONS = 4, 1_000_000_000
NEAREST = 2


@dataclass(frozen=True)
class Clusters:
    """The numbers of each vector's nearest and second nearest cluster.

    The shape is (vectors, 2), or (vectors, 1) if there is a single cluster.
    """

    nearest: npt.NDArray[np.int64]

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        return self.nearest[:, 0]


def number_of_clusters(pairs: int, drawn: int, wanted: int | None) -> int:
    """Returns `wanted`, or if it is None, `drawn` within the limits PAIRS_PER_CLUSTER and COMPARISONS.

    The result is at least 1 and at most `pairs`. `drawn` is the number of pairs to draw.
    """
    default = min(drawn, pairs // PAIRS_PER_CLUSTER, COMPARISONS // max(pairs, 1))
    return max(1, min(pairs, wanted or default))


def cluster(vectors: Vectors, clusters: int, seed: int) -> Clusters:
    """Assigns each vector to one of `clusters` clusters. There must be at least as many vectors as clusters.

    Equal vectors are in the same cluster. The result is the same for the same vectors in the same order, the same
    seed and the same number of threads.
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
        min_points_per_centroid=1,  # otherwise faiss warns of fewer than 39 vectors for each cluster
    )
    means.train(vectors)
    _, nearest = means.index.search(vectors, min(NEAREST, clusters))
    return Clusters(nearest)
