"""A similarity counts only if the answer is in the language asked for."""

from __future__ import annotations

import polars as pl

from stages.eval_scores.scoring import only_in_language


def test_an_answer_in_another_language_has_no_similarity() -> None:
    rows = {"similarity": [0.9, 0.4, float("nan")], "in_language": [False, True, False]}
    found = only_in_language(pl.DataFrame(rows))["similarity"]
    assert found.head(2).to_list() == [0.0, 0.4] and found[2] != found[2]
