"""Finds near-identical instructions by the cosine of their vectors, so their words may differ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from stages.diversified_set.clusters import Clusters
from x_instruction.embeddings.encoder import Vectors

Rows = npt.NDArray[np.int64]
# If there are at most this many vectors, each is compared with all others (4 s on one core). If there are more, the
# vectors of a cluster are compared with each other, and with the vectors whose second nearest cluster it is.
ALL = 10_000
CHUNK = 2_000  # rows that are compared at a time: 80 MB of cosines with 10,000 others
SHOWN_AFTER = 5.0  # a progress bar is shown after this many seconds


def resembled(vectors: Vectors, clusters: Clusters, limit: float) -> npt.NDArray[np.int64]:
    """For each vector, the row of the first kept vector that it resembles; -1 if the vector itself is kept.

    Two vectors resemble each other if their cosine is at least `limit`. The vectors must be sorted from the best pair
    to the worst; then of two similar pairs the better one is kept.
    """
    kept_rows = np.full(len(vectors), -1)
    edges = np.unique(np.concatenate([np.zeros(0, np.int64), *_similar(vectors, clusters, limit)]))
    for worse, better in zip(*divmod(edges, len(vectors)), strict=True):
        if kept_rows[worse] < 0 and kept_rows[better] < 0:
            kept_rows[worse] = better
    return kept_rows


def _similar(vectors: Vectors, clusters: Clusters, limit: float) -> Iterator[Rows]:
    """Pairs of similar rows, each as one number: the later (worse) row times the number of rows, plus the other row."""
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
    """Groups of rows, each with the rows that it is compared with."""
    rows = np.arange(len(clusters.nearest))
    if len(rows) <= ALL:
        yield rows, rows
        return
    count, width = int(clusters.nearest.max()) + 1, clusters.nearest.shape[1]
    members = _places(clusters.numbers, count)
    members_and_neighbours = _places(clusters.nearest.ravel(), count)
    for number in range(count):
        yield members[number], members_and_neighbours[number] // width


def _places(numbers: npt.NDArray[np.int64], count: int) -> list[Rows]:
    """For each number below `count`, the places at which it occurs."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.searchsorted(numbers[order], np.arange(1, count)))
