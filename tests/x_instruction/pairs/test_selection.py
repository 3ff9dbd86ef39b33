"""Pairs are selected by rating, and every other pair is dropped with a reason."""

from __future__ import annotations

import polars as pl
import pytest

from x_instruction.pairs.selection import select
from x_instruction.pairs.settings import RefinedPairs


def settings(**changed: float | None) -> RefinedPairs:
    unlimited = {"min_rating": 0.0, "top_share": 1.0, "length_bands": 1, "max_of_domain": None, "max_of_document": None}
    unlimited["always_kept"] = 0
    bounds = {"min_pairs": 1, "max_pairs": 1000, "max_precision_fall": 0.02}
    return RefinedPairs.model_validate({**unlimited, **bounds, **changed})


def rated(**ratings: float) -> pl.DataFrame:
    return pl.DataFrame({"id": list(ratings), "rating": list(ratings.values())}).with_columns(
        response=pl.lit("vastaus"),
        url=pl.lit("https://a.example/"),
        source=pl.lit("web/fi"),
        text_id=pl.col("id"),
        document_id=pl.col("id"),
    )


def test_pairs_below_the_rating_are_dropped_with_that_reason() -> None:
    split = select(rated(a=0.5, b=0.49999), settings(min_rating=0.5))
    assert split.kept["id"].to_list() == ["a"]
    assert split.dropped.select("id", "reason", "value").rows() == [("b", "below_min_rating", "rating 0.5")]


def test_as_many_of_the_best_pairs_as_set_are_always_kept() -> None:
    pairs = rated(a=0.9, b=0.2, c=0.1, d=0.3)
    for count, kept in ((0, ["a"]), (1, ["a"]), (3, ["a", "d", "b"]), (9, ["a", "d", "b", "c"])):
        assert select(pairs, settings(min_rating=0.5, always_kept=count)).kept["id"].to_list() == kept


def test_only_the_best_share_is_kept() -> None:
    split = select(rated(a=0.1, b=0.9, c=0.5, d=0.7), settings(top_share=0.5))
    assert split.kept["id"].to_list() == ["b", "d"]
    assert split.dropped["reason"].to_list() == ["outside_top_share"] * 2


def test_no_more_than_max_pairs_are_kept() -> None:
    split = select(rated(a=0.1, b=0.9, c=0.5), settings(max_pairs=1))
    assert split.kept["id"].to_list() == ["b"]
    assert split.dropped["reason"].to_list() == ["beyond_max_pairs"] * 2


def test_a_share_is_rounded_up() -> None:
    assert select(rated(a=0.1, b=0.9, c=0.5), settings(top_share=0.4)).kept.height == 2


def test_the_top_share_is_a_share_of_all_pairs() -> None:
    split = select(rated(a=0.9, b=0.8, c=0.1, d=0.1), settings(min_rating=0.5, top_share=0.5))
    assert split.kept["id"].to_list() == ["a", "b"]


def test_kept_pairs_have_their_rank() -> None:
    assert select(rated(a=0.1, b=0.9), settings()).kept.select("id", "rank").rows() == [("b", 1), ("a", 2)]


@pytest.mark.parametrize("seed", range(5))
def test_the_selection_does_not_depend_on_the_order_of_rows(seed: int) -> None:
    frame = rated(a=0.5, b=0.5, c=0.5, d=0.5, e=0.9, f=0.1)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
    first, second = (select(rows, settings(top_share=0.5)) for rows in (frame, shuffled))
    assert first.kept.equals(second.kept) and first.dropped.equals(second.dropped)
    assert first.kept["id"].to_list() == ["e", "a", "b"]


def reasons(frame: pl.DataFrame, **changed: float | None) -> dict[str, str]:
    """Maps the id of each dropped pair to the reason for which it is dropped."""
    return dict(select(frame, settings(**changed)).dropped.select("id", "reason").iter_rows())


def test_only_the_best_candidate_of_a_text_is_kept() -> None:
    frame = rated(a=0.5, b=0.9, c=0.7).with_columns(text_id=pl.Series(["one", "one", "two"]))
    assert reasons(frame) == {"a": "worse_of_same_text"}


def test_a_candidate_below_the_rating_is_dropped_for_its_rating_first() -> None:
    frame = rated(a=0.1, b=0.9).with_columns(text_id=pl.lit("one"))
    assert reasons(frame, min_rating=0.5) == {"a": "below_min_rating"}


def test_only_the_best_pairs_of_a_document_are_kept() -> None:
    frame = rated(a=0.5, b=0.9, c=0.7, d=0.1).with_columns(document_id=pl.Series(["one", "one", "one", "two"]))
    assert reasons(frame, max_of_document=2) == {"a": "beyond_document_limit"}


@pytest.mark.parametrize(
    "url",
    ["https://site.example/2", "http://www.site.example", "https://SITE.example:8080/3?q", "https://u@site.example/"],
)
def test_only_the_best_pairs_of_a_site_are_kept_for_every_spelling_of_its_address(url: str) -> None:
    frame = rated(a=0.9, b=0.8, c=0.7)
    frame = frame.with_columns(url=pl.Series(["https://site.example/1", url, "https://other.example/"]))
    assert reasons(frame, max_of_domain=1) == {"b": "beyond_domain_limit"}


def test_pairs_without_an_address_are_limited_by_their_source() -> None:
    frame = rated(a=0.9, b=0.8, c=0.7).with_columns(url=pl.lit(""), source=pl.Series(["one", "one", "two"]))
    assert reasons(frame, max_of_domain=1) == {"b": "beyond_domain_limit"}


def of_lengths(lengths: list[int], ratings: list[float]) -> pl.DataFrame:
    frame = rated(**{f"p{number}": rating for number, rating in enumerate(ratings)})
    return frame.with_columns(response=pl.Series(["x" * length for length in lengths]))


LONG_IS_BETTER = of_lengths([10, 11, 12, 90, 91, 92], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9])


def test_the_top_share_is_taken_from_each_length_band() -> None:
    assert select(LONG_IS_BETTER, settings(top_share=0.3)).kept["id"].to_list() == ["p5", "p4"]
    assert select(LONG_IS_BETTER, settings(top_share=0.3, length_bands=2)).kept["id"].to_list() == ["p5", "p2"]


def test_max_pairs_is_divided_among_the_length_bands() -> None:
    assert select(LONG_IS_BETTER, settings(max_pairs=4, length_bands=2)).kept["id"].to_list() == [
        "p5",
        "p4",
        "p2",
        "p1",
    ]


def test_other_bands_fill_the_places_that_a_small_band_leaves() -> None:
    kept = select(LONG_IS_BETTER, settings(max_pairs=4, length_bands=2, min_rating=0.25)).kept["id"].to_list()
    assert kept == ["p5", "p4", "p3", "p2"]


def test_every_pair_is_kept_or_dropped() -> None:
    split = select(LONG_IS_BETTER, settings(top_share=0.5, length_bands=3, max_pairs=2, min_rating=0.15))
    assert sorted([*split.kept["id"], *split.dropped["id"]]) == sorted(LONG_IS_BETTER["id"])
