"""Selects rated pairs: those with good ratings, and not too many of one site, document or length."""

from __future__ import annotations

import polars as pl

from x_instruction.pairs.settings import RefinedPairs
from x_instruction.runner.shards import Split

# The site of a pair: the host of its `url`, without "www." and port, or its `source` if it has no `url`.
DOMAIN = (
    pl.when(pl.col("url") != "")
    .then(pl.col("url").str.extract(r"^(?:\w+://)?(?:[^/@]*@)?(?:www\.)?([^/:?#]+)", 1).str.to_lowercase())
    .otherwise(pl.format("source {}", "source"))
)


def select(rated: pl.DataFrame, settings: RefinedPairs) -> Split:
    """Keeps the pairs that break no rule. A dropped row has the rating, and the first rule that its pair breaks.

    Each rule is applied only to the pairs that the earlier rules kept. Pairs with equal ratings are ordered by id, so
    the result does not depend on the order of rows. The pairs are divided by the length of their responses into
    `length_bands` equally large groups, called bands.
    """
    left = rated.sort(["rating", "id"], descending=[True, False]).with_columns(
        rank=pl.int_range(1, pl.len() + 1),
        value=pl.format("rating {}", pl.col("rating").round(4)),
        band=_length_rank() * settings.length_bands // pl.len(),
    )
    left = left.with_columns(band_rank=pl.int_range(pl.len()).over("band"), band_size=pl.len().over("band"))
    dropped = []
    for reason, broken in _rules(settings).items():
        marked = left.with_columns(broken=broken)
        dropped.append(marked.filter("broken").with_columns(reason=pl.lit(reason)).drop("broken"))
        left = marked.filter(~pl.col("broken")).drop("broken")
    kept = left.with_columns(reason=pl.lit(None, pl.String))
    return Split.of(pl.concat([kept, *dropped]).drop("band", "band_rank", "band_size"), text="response")


def _rules(settings: RefinedPairs) -> dict[str, pl.Expr]:
    """Maps each rule's reason to an expression that is true if a pair breaks it. The frame has the best pairs first."""
    # For `max_pairs`, the best pair of every band is counted first, then the second best of every band, and so on. If
    # an earlier rule dropped one of these pairs, no other pair of the band takes its place.
    turn = pl.struct("band_rank", "rank").rank("ordinal") - 1
    return {
        "below_min_rating": (pl.col("rating") < settings.min_rating) & (pl.col("rank") > settings.always_kept),
        "worse_of_same_text": _beyond("text_id", 1),
        "beyond_document_limit": _beyond("document_id", settings.max_of_document),
        "beyond_domain_limit": _beyond(DOMAIN, settings.max_of_domain),
        "outside_top_share": pl.col("band_rank") >= (pl.col("band_size") * settings.top_share).ceil(),
        "beyond_max_pairs": turn >= settings.max_pairs,
    }


def _length_rank() -> pl.Expr:
    """The rank of each pair by the length of its response, from 0."""
    return pl.struct(pl.col("response").str.len_chars(), "id").rank("ordinal").cast(pl.Int64) - 1


def _beyond(group: str | pl.Expr, limit: int | None) -> pl.Expr:
    """Whether a pair is not among the best `limit` pairs of its group; False for all pairs if there is no limit."""
    return pl.lit(False) if limit is None else pl.int_range(pl.len()).over(group) >= limit
