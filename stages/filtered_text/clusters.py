"""Which of the texts that share a band are dropped, and for which that is kept.

From the best text to the worst, each is kept unless it is like one that is kept: every dropped text is like the
copy it is dropped for, which chains of likeness (A like B, B like C) do not give. Done in rounds: a text that is the
best left in all its buckets is kept for certain and held against what else is in them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stages.on_disk import Array, neighbours

# Texts kept in one bucket, after which the rest of it is not held against more. Buckets that large come of a template
# around texts that differ; two texts alike share some five buckets of eighteen.
KEPT_A_BUCKET = 64
Similarity = Callable[[Array, Array], Array]


def keep_the_best(ranks: Array, buckets: Array, similarity: Similarity, threshold: float) -> tuple[Array, Array, Array]:
    """(rank dropped, rank of the one kept that it is like, their similarity), by rank; 0 is the best.

    `ranks` and `buckets` say which text is in which bucket. The outcome does not depend on their order.
    """
    order = np.lexsort((ranks, buckets))
    ranks, buckets = ranks[order], buckets[order]
    texts = int(ranks.max(initial=-1)) + 1
    kept_in = np.zeros(int(buckets.max(initial=-1)) + 1, np.int64)
    like, alike = np.full(texts, -1), np.zeros(texts)
    while len(ranks):
        first = ~neighbours(buckets)[0]
        leads = np.bincount(ranks[first], minlength=texts) == np.bincount(ranks, minlength=texts)
        best = ranks[first][np.cumsum(first) - 1]
        held = leads[best] & ~first
        left, right = np.divmod(np.unique(best[held] * texts + ranks[held]), texts)
        share = similarity(left, right)
        found = np.flatnonzero(share >= threshold)
        # The one it is most like, then the better: written last, so it stands.
        found = found[np.lexsort((-left[found], share[found]))]
        like[right[found]], alike[right[found]] = left[found], share[found]
        kept_in[buckets[first & leads[ranks]]] += 1
        stays = ~leads[ranks] & (like[ranks] < 0) & (kept_in[buckets] < KEPT_A_BUCKET)
        ranks, buckets = ranks[stays], buckets[stays]
        _, in_company = neighbours(buckets)
        ranks, buckets = ranks[in_company], buckets[in_company]
    dropped = np.flatnonzero(like >= 0)
    return dropped, like[dropped], alike[dropped]
