"""Which rated pairs are kept."""

from __future__ import annotations

import math

import polars as pl

from stages.settings import RefinedPairs
from stages.shards import Split


def select(rated: pl.DataFrame, settings: RefinedPairs) -> Split:
    """Keep pairs rated at least `min_rating`, of the best `top_share` and the best `max_pairs`; drop the rest.

    Equal ratings are ordered by id, so the outcome does not depend on the order of rows.
    """
    ranked = rated.sort(["rating", "id"], descending=[True, False])
    allowed = math.ceil(ranked.height * settings.top_share)
    reason = (
        pl.when(pl.col("rating") < settings.min_rating)
        .then(pl.lit("below_min_rating"))
        .when(pl.int_range(pl.len()) >= allowed)
        .then(pl.lit("outside_top_share"))
        .when(pl.int_range(pl.len()) >= settings.max_pairs)
        .then(pl.lit("beyond_max_pairs"))
    )
    ranked = ranked.with_columns(
        reason.alias("reason"),
        pl.format("rating {}", pl.col("rating").round(4)).alias("value"),
        pl.int_range(1, pl.len() + 1).alias("rank"),
    )
    return Split.of(ranked, text="response")
