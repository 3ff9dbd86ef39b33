"""Draws a number of pairs in one of four ways. The rows are sorted from the best rating to the worst, then by id."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
from tqdm import tqdm

from x_instruction.embeddings.encoder import Vectors

Mask = npt.NDArray[np.bool_]
SHOWN_AFTER = 5.0  # a progress bar is shown after this many seconds


def by_rating(rows: int, pairs: int) -> Mask:
    """Marks the first `pairs` rows, which have the best ratings."""
    return np.arange(rows) < pairs


def at_random(rows: int, pairs: int, seed: int) -> Mask:
    return np.random.default_rng(seed).permutation(rows) < pairs


def evenly(clusters: npt.NDArray[np.int64], pairs: int) -> Mask:
    """Draws `pairs` pairs: the best of every cluster, then the second best of every cluster, and so on.

    If the last of these rounds has more pairs than needed, those with the best ratings are drawn.
    """
    turn = pl.DataFrame({"cluster": clusters}).select(pl.int_range(pl.len()).over("cluster")).to_series()
    drawn = np.zeros(len(clusters), np.bool_)
    drawn[np.argsort(turn.to_numpy(), kind="stable")[:pairs]] = True
    return drawn


def by_marginal_relevance(ratings: npt.NDArray[np.float64], vectors: Vectors, pairs: int, weight: float) -> Mask:
    """Draws by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

    Each step draws the pair with the highest `weight` * rating - (1 - weight) * its greatest cosine with a pair that is
    already drawn. A step reads all vectors once, so it takes minutes to draw 32,000 of 100,000 pairs.
    """
    drawn, nearest = np.zeros(len(ratings), np.bool_), np.full(len(ratings), -1.0)
    for _ in tqdm(range(min(pairs, len(ratings))), desc="draw", unit=" pairs", delay=SHOWN_AFTER, leave=False):
        worth = np.where(drawn, -np.inf, weight * ratings - (1 - weight) * nearest)
        chosen = int(np.argmax(worth))
        drawn[chosen] = True
        np.maximum(nearest, vectors @ vectors[chosen], out=nearest)
    return drawn
