"""The stage adds the iteration to the selected pairs."""

from __future__ import annotations

import polars as pl

from stages.params import Settings
from stages.refined_pairs.stage import transform


def test_a_kept_pair_names_the_iteration_of_its_rating(settings: Settings) -> None:
    text = {name: ["a"] for name in ("id", "response", "url", "source", "text_id", "document_id")}
    split = transform(pl.DataFrame({**text, "rating": [0.9]}), settings.refined_pairs, "iteration_2")
    assert split.kept["iteration"].to_list() == ["iteration_2"]
