"""Decides which pairs of a language go into the set, from the ratings and the vectors of the instructions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from stages.diversified_set.clusters import cluster, number_of_clusters
from stages.diversified_set.draw import Mask, at_random, by_marginal_relevance, by_rating, evenly
from stages.diversified_set.figures import diversity
from stages.diversified_set.near_identical import resembled
from stages.diversified_set.settings import DiversifiedSet
from x_instruction.embeddings.encoder import Vectors

BEST_FIRST: dict[str, Any] = {"by": ["rating", "id"], "descending": [True, False]}
MOVED = 50_000  # vectors that `_compacted` moves at a time
SCHEMA = {"id": pl.String, "cluster": pl.Int64, "reason": pl.String, "value": pl.String}


def decide(
    pairs: pl.DataFrame, vectors: Vectors, settings: DiversifiedSet, wanted: int, seed: int
) -> tuple[pl.DataFrame, dict[str, dict[str, float]]]:
    """Decides whether each pair goes into the set.

    Returns a frame with the columns of SCHEMA, and the figures of `diversity`. `reason` is null for a pair that is in
    the set. `pairs` has `id`, `instruction` and `rating`, and is sorted by BEST_FIRST. `vectors` has a row for each
    pair; its array is overwritten.
    """
    if not pairs.height:
        return pl.DataFrame(schema=SCHEMA), {}
    instructions = pairs["instruction"].n_unique()
    clusters = cluster(vectors, min(number_of_clusters(pairs.height, wanted, settings.clusters), instructions), seed)
    kept_rows = np.full(pairs.height, -1)
    if settings.max_similarity is not None:
        kept_rows = resembled(vectors, clusters, settings.max_similarity)
    table = pairs.with_columns(pl.Series("cluster", clusters.numbers, pl.Int64), _near(pairs, vectors, kept_rows))
    remaining = kept_rows < 0
    different, vectors = table.filter(pl.Series(remaining)), _compacted(vectors, remaining)
    draws = {
        "drawn": _drawn(different, vectors, settings, wanted, seed),
        "random": at_random(different.height, wanted, seed),
        "rating": by_rating(different.height, wanted),
    }
    drawn = np.zeros(pairs.height, np.bool_)
    drawn[remaining] = draws["drawn"]
    return _reasons(table.with_columns(pl.Series("drawn", drawn)), settings), diversity(draws, different, vectors)


def _near(pairs: pl.DataFrame, vectors: Vectors, kept_rows: npt.NDArray[np.int64]) -> pl.Series:
    """The column `near`: "COSINE: KEPT INSTRUCTION" for each near-identical instruction, null for the others."""
    instructions, near = pairs["instruction"], np.flatnonzero(kept_rows >= 0)
    kept = kept_rows[near]
    cosines = np.einsum("nd,nd->n", vectors[near], vectors[kept])
    texts = [f"{cosine:.2f}: {instructions[int(row)]}" for cosine, row in zip(cosines, kept, strict=True)]
    column = pl.Series([None] * pairs.height, dtype=pl.String)
    return column.scatter(near, texts).alias("near") if texts else column.alias("near")


def _compacted(vectors: Vectors, remaining: Mask) -> Vectors:
    """The remaining vectors, moved to the front of the same array because a copy would double the memory."""
    rows = np.flatnonzero(remaining)
    for start in range(0, len(rows), MOVED):
        chunk = rows[start : start + MOVED]
        vectors[start : start + len(chunk)] = vectors[chunk]
    return vectors[: len(rows)]


def _drawn(pairs: pl.DataFrame, vectors: Vectors, settings: DiversifiedSet, wanted: int, seed: int) -> Mask:
    if settings.draw == "random":
        return at_random(pairs.height, wanted, seed)
    if settings.draw == "rating":
        return by_rating(pairs.height, wanted)
    if settings.draw == "maximal_marginal_relevance":
        return by_marginal_relevance(pairs["rating"].to_numpy(), vectors, wanted, settings.relevance_weight)
    return evenly(pairs["cluster"].to_numpy(), wanted)


def _reasons(table: pl.DataFrame, settings: DiversifiedSet) -> pl.DataFrame:
    even = settings.draw == "clusters"
    near, full = pl.lit("near_identical_instruction"), pl.lit("cluster_full" if even else "not_drawn")
    place = pl.format("cluster {}", "cluster") if even else pl.format("rating {}", pl.col("rating").round(4))
    return table.select(
        "id",
        "cluster",
        reason=pl.when(pl.col("near").is_not_null()).then(near).when(~pl.col("drawn")).then(full),
        value=pl.coalesce("near", place),
    )
