"""Which rated pairs are kept: good enough, among the best, and not crowded out by one length, site or document."""

from __future__ import annotations

import polars as pl

from x_instruction.pairs.settings import RefinedPairs
from x_instruction.runner.shards import Split

# "www.example.org:80" and "example.org" are one site; a pair without an address counts by its source.
DOMAIN = (
    pl.when(pl.col("url") != "")
    .then(pl.col("url").str.extract(r"^(?:\w+://)?(?:[^/@]*@)?(?:www\.)?([^/:?#]+)", 1).str.to_lowercase())
    .otherwise(pl.format("source {}", "source"))
)


def select(rated: pl.DataFrame, settings: RefinedPairs) -> Split:
    """Keep the pairs that break no rule; drop the rest, each with the first rule it breaks and its rating.

    A rule sees only the pairs that those before it left. Equal ratings are ordered by id, so the outcome does
    not depend on the order of rows. A band is one of `length_bands` equally large groups by length of response.
    """
    left = rated.sort(["rating", "id"], descending=[True, False]).with_columns(
        rank=pl.int_range(1, pl.len() + 1),
        value=pl.format("rating {}", pl.col("rating").round(4)),
        band=_length_rank() * settings.length_bands // pl.len(),
    )
    left = left.with_columns(in_band=pl.int_range(pl.len()).over("band"), of_band=pl.len().over("band"))
    dropped = []
    for reason, broken in _rules(settings).items():
        judged = left.with_columns(broken=broken)
        dropped.append(judged.filter("broken").with_columns(reason=pl.lit(reason)).drop("broken"))
        left = judged.filter(~pl.col("broken")).drop("broken")
    kept = left.with_columns(reason=pl.lit(None, pl.String))
    return Split.of(pl.concat([kept, *dropped]).drop("band", "in_band", "of_band"), text="response")


def _rules(settings: RefinedPairs) -> dict[str, pl.Expr]:
    """By reason: whether a pair breaks the rule. Pairs stand in the order of their ratings."""
    # The best of every band, then the second best of every band …: what one band lacks, the others fill.
    turn = pl.struct("in_band", "rank").rank("ordinal") - 1
    return {
        "below_min_rating": pl.col("rating") < settings.min_rating,
        "worse_of_same_text": _beyond("text_id", 1),
        "beyond_document_limit": _beyond("document_id", settings.max_of_document),
        "beyond_domain_limit": _beyond(DOMAIN, settings.max_of_domain),
        "outside_top_share": pl.col("in_band") >= (pl.col("of_band") * settings.top_share).ceil(),
        "beyond_max_pairs": turn >= settings.max_pairs,
    }


def _length_rank() -> pl.Expr:
    """Place of each pair by length of its response, from 0."""
    return pl.struct(pl.col("response").str.len_chars(), "id").rank("ordinal").cast(pl.Int64) - 1


def _beyond(group: str | pl.Expr, most: int | None) -> pl.Expr:
    """Not among the best `most` of its group; without a bound none is."""
    return pl.lit(False) if most is None else pl.int_range(pl.len()).over(group) >= most
