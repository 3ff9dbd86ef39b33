"""The id of a row depends only on its content."""

from __future__ import annotations

import polars as pl

from x_instruction.runner.content_ids import LENGTH, content_ids, wrong_ids

ROWS = pl.DataFrame({"language": ["fi", "fi", "sw"], "text": ["kala", "kalat", "kala"], "url": ["a", "b", "c"]})


def test_rows_with_equal_content_have_equal_ids_whatever_their_other_columns() -> None:
    ids = content_ids(ROWS, "language", "text")
    again = content_ids(ROWS.with_columns(url=pl.lit("elsewhere")), "language", "text")
    assert ids.to_list() == again.to_list()
    assert ids.n_unique() == 3 and {len(identifier) for identifier in ids} == {LENGTH}


def test_the_border_between_values_changes_the_id() -> None:
    rows = pl.DataFrame({"first": ["ab", "a"], "second": ["c", "bc"]})
    assert content_ids(rows, "first", "second").n_unique() == 2


def test_rows_with_an_id_that_does_not_fit_their_content_are_counted() -> None:
    rows = ROWS.with_columns(content_ids(ROWS, "language", "text"))
    assert wrong_ids(rows, "language", "text") == 0
    changed = rows.with_columns(text=pl.when(pl.col("text") == "kalat").then(pl.lit("kukko")).otherwise("text"))
    assert wrong_ids(changed, "language", "text") == 1
