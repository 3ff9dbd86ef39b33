"""Measures how diverse the drawn pairs are, compared with as many pairs drawn at random or by rating."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from stages.diversified_set.draw import Mask
from stages.diversified_set.task_types import task_types
from x_instruction.embeddings.encoder import Vectors

# The distance from the nearest other drawn pair is computed for at most this many drawn pairs.
NEIGHBOURS_OF = 1_000
COMPARED = 20_000  # vectors that are compared at a time: 80 MB of cosines
WORD = r"[\p{L}\p{M}\p{N}]+"


def diversity(draws: Mapping[str, Mask], pairs: pl.DataFrame, vectors: Vectors) -> dict[str, dict[str, float]]:
    """Computes these figures for each draw from `pairs` (columns instruction and cluster), except an empty draw:

    - `clusters`: the number of clusters with at least one drawn pair
    - `distinct_1`: the number of different words in the drawn instructions, divided by the number of all their words
    - `distinct_2`: the same for pairs of adjacent words (Li et al., NAACL 2016)
    - `nearest_neighbour_distance`: 1 minus the cosine with the most similar other drawn instruction, as a mean over at
      most NEIGHBOURS_OF drawn pairs
    - `task_types`: the number of different pairs of verb and noun (task_types.py)
    """
    return {
        name: _figures(pairs.filter(pl.Series(drawn)), vectors, drawn) for name, drawn in draws.items() if drawn.any()
    }


def _figures(pairs: pl.DataFrame, vectors: Vectors, drawn: Mask) -> dict[str, float]:
    words = pairs["instruction"].str.to_lowercase().str.extract_all(WORD)
    return {
        "clusters": pairs["cluster"].n_unique(),
        "distinct_1": distinct(words, 1),
        "distinct_2": distinct(words, 2),
        "nearest_neighbour_distance": round(nearest_neighbour_distance(vectors, np.flatnonzero(drawn)), 6),
        "task_types": task_types(pairs["instruction"]).n_unique(),
    }


def distinct(words: pl.Series, size: int) -> float:
    """The number of different n-grams of `size` words, divided by the number of all of them; 0 if there are none."""
    table = pl.DataFrame({"word": words}).with_row_index("text").explode("word", empty_as_null=False)
    grams = table.select(
        *(pl.col("word").shift(-place).over("text").alias(f"word_{place}") for place in range(size))
    ).drop_nulls()
    return grams.n_unique() / grams.height if grams.height else 0.0


def nearest_neighbour_distance(vectors: Vectors, drawn: npt.NDArray[np.int64]) -> float:
    """The mean distance from the nearest other drawn row, over at most NEIGHBOURS_OF evenly spaced drawn rows.

    The result is 0 if fewer than two rows are drawn.
    """
    if len(drawn) < 2:
        return 0.0
    places = np.unique(np.linspace(0, len(drawn) - 1, NEIGHBOURS_OF).astype(np.int64))
    sample, nearest = vectors[drawn[places]], np.full(len(places), -np.inf)
    for start in range(0, len(drawn), COMPARED):
        cosines = sample @ vectors[drawn[start : start + COMPARED]].T
        itself = (places >= start) & (places < start + COMPARED)
        cosines[itself, places[itself] - start] = -np.inf
        nearest = np.maximum(nearest, cosines.max(axis=1))
    return float(1 - nearest.mean())
