"""Near-identical instructions: those whose vectors are similar, whatever their words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from stages.diversified_set.clusters import Clusters
from x_instruction.embeddings.encoder import Vectors

Rows = npt.NDArray[np.int64]
# Up to this many vectors, each is compared with all others: 4 s of a core. Beyond, those of a cluster are compared with
# each other and with those whose second nearest cluster it is.
ALL = 10_000
CHUNK = 2_000  # rows compared at once: 80 MB of cosines with 10,000 others
SHOWN_AFTER = 5.0  # seconds


def resembled(vectors: Vectors, clusters: Clusters, limit: float) -> npt.NDArray[np.int64]:
    """For each vector the first one that it resembles, which is not itself dropped; -1 for a vector to keep.

    The vectors are those of pairs from the best to the worst, so the better one of two is kept. Two resemble each other
    from a cosine of `limit` on.
    """
    found = np.full(len(vectors), -1)
    edges = np.unique(np.concatenate([np.zeros(0, np.int64), *_similar(vectors, clusters, limit)]))
    for worse, better in zip(*divmod(edges, len(vectors)), strict=True):
        if found[worse] < 0 and found[better] < 0:
            found[worse] = better
    return found


def _similar(vectors: Vectors, clusters: Clusters, limit: float) -> Iterator[Rows]:
    """Pairs of similar rows, each as one number: the later (worse) row times the number of rows, and the other row."""
    groups = list(_groups(clusters))
    for rows, others in tqdm(groups, desc="near-identical", unit=" clusters", delay=SHOWN_AFTER, leave=False):
        among = vectors[others]
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            row, other = np.nonzero(vectors[chunk] @ among.T >= limit)
            first, second = chunk[row], others[other]
            pairs = np.maximum(first, second) * len(vectors) + np.minimum(first, second)
            yield pairs[first != second]


def _groups(clusters: Clusters) -> Iterator[tuple[Rows, Rows]]:
    """Rows, and the rows that they are compared with."""
    rows = np.arange(len(clusters.nearest))
    if len(rows) <= ALL:
        yield rows, rows
        return
    count, width = int(clusters.nearest.max()) + 1, clusters.nearest.shape[1]
    own = _members(clusters.numbers, count)
    near = _members(clusters.nearest.ravel(), count)
    for number in range(count):
        yield own[number], near[number] // width


def _members(numbers: npt.NDArray[np.int64], count: int) -> list[Rows]:
    """The places of each number below `count`."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.searchsorted(numbers[order], np.arange(1, count)))
