"""Decides which texts of a bucket (texts with an equal MinHash band) are dropped, each for a similar kept text.

Each text, from the best to the worst, is kept unless it is similar to a text that is kept. Every dropped text is then
similar to the text that it is dropped for. This would not hold if a chain (A is similar to B, and B to C) were reduced
to one text. The texts are decided on in blocks of ranks, which bounds the memory. Within a block there are rounds: a
text that is the best one left in all its buckets is kept, and the other texts in its buckets are compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from x_instruction.runner.disk_arrays import Array, append, neighbours, pieces

# A bucket with this many kept texts is closed: no more texts are compared in it. Larger buckets come from pages with
# the same template around different texts. With the default settings, two texts of similarity 0.8 share about five of
# their eighteen buckets, so they are probably compared in another bucket.
KEPT_A_BUCKET = 64
# Texts in a block. Each is in at most eighteen buckets, so a block takes at most about 300 MB while it is sorted.
BLOCK = 250_000
PAIRS = 2_000_000  # pairs that are compared at a time
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
    """Returns the rank of each dropped text, the rank of the kept text that it is similar to, and their similarity.

    The best text has rank 0. `members` says which text is in which bucket, in pieces of (ranks, buckets) in any order.
    """
    for ranks, numbers in members:
        piece = np.rec.fromarrays([ranks, numbers], MEMBER)
        for block in np.unique(ranks // BLOCK):
            append(scratch / f"block-{block}", piece[ranks // BLOCK == block])
    clusters = Clusters(texts, buckets, similarity, threshold)
    kept = scratch / "kept"
    kept.touch()
    for block in range(-(-texts // BLOCK)):
        clusters.decide(scratch / f"block-{block}", kept)
    dropped = np.flatnonzero(clusters.like >= 0)
    return dropped, clusters.like[dropped].astype(np.int64), clusters.alike[dropped]


class Clusters:
    """`like[rank]` is the rank of the kept text for which a text is dropped, or -1; `alike[rank]` is the similarity."""

    def __init__(self, texts: int, buckets: int, similarity: Similarity, threshold: float) -> None:
        self.similarity, self.threshold = similarity, threshold
        self.like, self.alike = np.full(texts, -1, np.int32), np.zeros(texts, np.float32)
        self.kept_in = np.zeros(buckets, np.uint8)

    def decide(self, block: Path, kept: Path) -> None:
        """Decides on the texts of a block.

        A member is a text in a bucket. The file `kept` has the kept members of better blocks, and those of this block
        are added to it.
        """
        members = np.fromfile(block, MEMBER)
        members = members[np.lexsort((members["rank"], members["bucket"]))]
        ranks, buckets = members["rank"].astype(np.int64), members["bucket"].astype(np.int64)
        for _, better in pieces(kept, MEMBER):
            self._compare_with(better, ranks, buckets)
        self._rounds(ranks, buckets)
        append(kept, members[self._open(ranks, buckets)])

    def _open(self, ranks: Array, buckets: Array) -> Array:
        """Marks the members that are not dropped, in buckets with fewer than KEPT_A_BUCKET kept texts."""
        return (self.like[ranks] < 0) & (self.kept_in[buckets] < KEPT_A_BUCKET)

    def _compare_with(self, better: Array, ranks: Array, buckets: Array) -> None:
        """Drops the texts that are similar to a kept text of a better block. The members are sorted by bucket."""
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
        ranks, buckets = _not_alone(ranks, buckets, self._open(ranks, buckets))
        while len(ranks):
            first = ~neighbours(buckets)[0]
            texts, at = np.unique(ranks, return_inverse=True)
            leads = (np.bincount(at[first], minlength=len(texts)) == np.bincount(at))[at]
            best = np.flatnonzero(first)[np.cumsum(first) - 1]
            others = leads[best] & ~first
            self._drop(ranks[best][others], ranks[others])
            self.kept_in[buckets[first & leads]] += 1
            ranks, buckets = _not_alone(ranks, buckets, ~leads & self._open(ranks, buckets))

    def _drop(self, left: Array, right: Array) -> None:
        """Compares the kept texts `left` with the texts `right`, pair by pair, and drops the similar texts of `right`.

        A text is dropped for the most similar kept text, or for the best one if several are equally similar.
        """
        left, right = np.divmod(np.unique(left << 32 | right), 1 << 32)
        share = self.similarity(left, right)
        similar = np.flatnonzero(share >= self.threshold)
        # If NumPy assigns to a place several times, the last assignment counts.
        similar = similar[np.lexsort((-left[similar], share[similar]))]
        self.like[right[similar]], self.alike[right[similar]] = left[similar], share[similar]


def _not_alone(ranks: Array, buckets: Array, among: Array) -> tuple[Array, Array]:
    """The members that `among` marks, without those that are alone in their bucket."""
    ranks, buckets = ranks[among], buckets[among]
    _, member = neighbours(buckets)
    return ranks[member], buckets[member]
