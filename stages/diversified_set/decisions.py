"""Decides which pairs of a language make the set, from their instructions' vectors and their ratings."""

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
MOVED = 50_000  # vectors at once
SCHEMA = {"id": pl.String, "cluster": pl.Int64, "reason": pl.String, "value": pl.String}


def decide(
    pairs: pl.DataFrame, vectors: Vectors, settings: DiversifiedSet, wanted: int, seed: int
) -> tuple[pl.DataFrame, dict[str, dict[str, float]]]:
    """Decisions with the columns of SCHEMA (reason null: in the set), and the figures of `diversity`.

    The frame has `id`, `instruction` and `rating`, sorted by BEST_FIRST. The vectors belong to its rows; their array
    is used up.
    """
    if not pairs.height:
        return pl.DataFrame(schema=SCHEMA), {}
    kinds = pairs["instruction"].n_unique()
    clusters = cluster(vectors, min(number_of_clusters(pairs.height, wanted, settings.clusters), kinds), seed)
    like = np.full(pairs.height, -1)
    if settings.max_similarity is not None:
        like = resembled(vectors, clusters, settings.max_similarity)
    table = pairs.with_columns(pl.Series("cluster", clusters.numbers, pl.Int64), _near(pairs, vectors, like))
    left = like < 0
    different, vectors = table.filter(pl.Series(left)), _compacted(vectors, left)
    draws = {
        "drawn": _drawn(different, vectors, settings, wanted, seed),
        "random": at_random(different.height, wanted, seed),
        "rating": by_rating(different.height, wanted),
    }
    drawn = np.zeros(pairs.height, np.bool_)
    drawn[left] = draws["drawn"]
    return _reasons(table.with_columns(pl.Series("drawn", drawn)), settings), diversity(draws, different, vectors)


def _near(pairs: pl.DataFrame, vectors: Vectors, like: npt.NDArray[np.int64]) -> pl.Series:
    """The cosine with the kept instruction that an instruction resembles, and that instruction; null for the others."""
    instructions, near = pairs["instruction"], np.flatnonzero(like >= 0)
    cosines = np.einsum("nd,nd->n", vectors[near], vectors[like[near]])
    sentences = [f"{cosine:.2f}: {instructions[int(kept)]}" for cosine, kept in zip(cosines, like[near], strict=True)]
    found = pl.Series([None] * pairs.height, dtype=pl.String)
    return found.scatter(near, sentences).alias("near") if sentences else found.alias("near")


def _compacted(vectors: Vectors, left: Mask) -> Vectors:
    """The vectors that are left, moved forwards in their own array: a copy would double the memory."""
    rows = np.flatnonzero(left)
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
