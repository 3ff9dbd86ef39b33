"""Which of the texts that share a band are dropped, and for which that is kept.

From the best text to the worst, each is kept unless it is like one that is kept: every dropped text is like the
copy it is dropped for, which chains of likeness (A like B, B like C) do not give. Done in blocks of ranks, so that
memory is bounded, and inside a block in rounds: a text that is the best left in all its buckets is kept for certain
and held against what else is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from x_instruction.runner.disk_arrays import Array, append, neighbours, pieces

# Texts kept in one bucket, after which the rest of it is not held against more. Buckets that large come of a template
# around texts that differ; two texts alike share some five buckets of eighteen.
KEPT_A_BUCKET = 64
# Candidates to a block: in some eighteen buckets each, about 300 MB with the sorting.
BLOCK = 250_000
PAIRS = 2_000_000
MEMBER = np.dtype([("rank", "<u4"), ("bucket", "<u4")])
Similarity = Callable[[Array, Array], Array]


def keep_the_best(
    members: Iterable[tuple[Array, Array]],
    texts: int,
    buckets: int,
    similarity: Similarity,
    threshold: float,
    scratch: Path,
) -> tuple[Array, Array, Array]:
    """(rank dropped, rank of the one kept that it is like, their similarity), by rank; 0 is the best.

    `members` are pieces of (ranks, buckets): which text is in which bucket. Their order does not matter.
    """
    for ranks, numbers in members:
        own = np.rec.fromarrays([ranks, numbers], MEMBER)
        for block in np.unique(ranks // BLOCK):
            append(scratch / f"block-{block}", own[ranks // BLOCK == block])
    clusters = Clusters(texts, buckets, similarity, threshold)
    kept = scratch / "kept"
    kept.touch()
    for block in range(-(-texts // BLOCK)):
        clusters.decide(scratch / f"block-{block}", kept)
    dropped = np.flatnonzero(clusters.like >= 0)
    return dropped, clusters.like[dropped].astype(np.int64), clusters.alike[dropped]


class Clusters:
    """`like`: for each rank the one it is dropped for, or -1; `alike`: their similarity."""

    def __init__(self, texts: int, buckets: int, similarity: Similarity, threshold: float) -> None:
        self.similarity, self.threshold = similarity, threshold
        self.like, self.alike = np.full(texts, -1, np.int32), np.zeros(texts, np.float32)
        self.kept_in = np.zeros(buckets, np.uint8)

    def decide(self, block: Path, kept: Path) -> None:
        """Decide on the texts of a block; `kept` holds the members kept in better blocks, and then those of this."""
        own = np.fromfile(block, MEMBER)
        own = own[np.lexsort((own["rank"], own["bucket"]))]
        ranks, buckets = own["rank"].astype(np.int64), own["bucket"].astype(np.int64)
        for _, better in pieces(kept, MEMBER):
            self._hold_against(better, ranks, buckets)
        self._rounds(ranks, buckets)
        append(kept, own[self._open(ranks, buckets)])

    def _open(self, ranks: Array, buckets: Array) -> Array:
        """Not dropped, and in a bucket that is still held against."""
        return (self.like[ranks] < 0) & (self.kept_in[buckets] < KEPT_A_BUCKET)

    def _hold_against(self, better: Array, ranks: Array, buckets: Array) -> None:
        """Drop what is like a text kept in a better block. The members are in the order of buckets."""
        begins, ends = (np.searchsorted(buckets, better["bucket"], side) for side in ("left", "right"))
        last = np.cumsum(ends - begins)
        start = 0
        while start < len(better):
            before = last[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(last, before + PAIRS, side="right")))
            counts = (ends - begins)[start:stop]
            at = np.repeat(begins[start:stop] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
            left = np.repeat(better["rank"][start:stop].astype(np.int64), counts)
            open_ = self._open(ranks[at], buckets[at])
            self._drop(left[open_], ranks[at][open_])
            start = stop

    def _rounds(self, ranks: Array, buckets: Array) -> None:
        ranks, buckets = _in_company(ranks, buckets, self._open(ranks, buckets))
        while len(ranks):
            first = ~neighbours(buckets)[0]
            texts, at = np.unique(ranks, return_inverse=True)
            leads = (np.bincount(at[first], minlength=len(texts)) == np.bincount(at))[at]
            best = np.flatnonzero(first)[np.cumsum(first) - 1]
            held = leads[best] & ~first
            self._drop(ranks[best][held], ranks[held])
            self.kept_in[buckets[first & leads]] += 1
            ranks, buckets = _in_company(ranks, buckets, ~leads & self._open(ranks, buckets))

    def _drop(self, left: Array, right: Array) -> None:
        """Drop those on the right that are like the one on the left: like the likest, then the best."""
        left, right = np.divmod(np.unique(left << 32 | right), 1 << 32)
        share = self.similarity(left, right)
        found = np.flatnonzero(share >= self.threshold)
        # The last written stands.
        found = found[np.lexsort((-left[found], share[found]))]
        self.like[right[found]], self.alike[right[found]] = left[found], share[found]


def _in_company(ranks: Array, buckets: Array, among: Array) -> tuple[Array, Array]:
    """Those marked, without the buckets of one."""
    ranks, buckets = ranks[among], buckets[among]
    _, member = neighbours(buckets)
    return ranks[member], buckets[member]
