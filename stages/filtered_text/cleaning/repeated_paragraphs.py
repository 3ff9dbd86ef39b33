"""Removes repeated paragraphs: direct repeats of one paragraph, and repeats of several paragraphs in the same order.

The second kind occurs on pages that contain a text once for each screen width, or that repeat its beginning as a
teaser.
"""

from __future__ import annotations

import polars as pl

from x_instruction.cleaning.code_blocks import prose

MIN_CHARACTERS = 40  # a shorter paragraph may be repeated, as in verse
MAX_REPEATS = 2  # if a text has more direct repeats, they are intended and stay
# Paragraphs that are repeated in the same order are removed if at least MIN_IN_ORDER of them have MIN_CHARACTERS
# characters or more, and if these have MIN_MEAN_LENGTH or more on average. The lines of refrains are shorter.
MIN_IN_ORDER, MIN_MEAN_LENGTH = 2, 80


def without_repeats(texts: pl.Series) -> pl.Series:
    """The texts without repeats. In texts with code, only direct repeats are removed.

    Of paragraphs that are repeated in the same order, those that occur more than twice are taken as intended and stay.
    """
    frame = texts.alias("text").to_frame().select(_without_direct_repeats()).with_row_index("row")
    lines = pl.col("text").str.split("\n")
    long = lines.list.eval(pl.element().filter(pl.element().str.len_chars() >= MIN_CHARACTERS))
    fenced = pl.col("text").str.contains("```", literal=True)
    repeats = frame.filter(~fenced).filter(long.list.n_unique() < long.list.len())
    repeats = repeats.filter(prose(pl.col("text")) == pl.col("text"))
    others = frame.join(repeats, on="row", how="anti")
    return pl.concat([others, _without_ordered_repeats(repeats)]).sort("row")["text"].alias(texts.name)


def _without_direct_repeats() -> pl.Expr:
    line = pl.element()
    repeat = (line == line.shift(1)).fill_null(False) & (line.str.len_chars() >= MIN_CHARACTERS)
    kept = line.filter(~repeat | (repeat.sum() > MAX_REPEATS))
    return pl.col("text").str.split("\n").list.eval(kept).list.join("\n")


def _without_ordered_repeats(frame: pl.DataFrame) -> pl.DataFrame:
    number = pl.int_range(pl.len()).over("row")
    lines = frame.with_columns(pl.col("text").str.split("\n")).explode("text").with_columns(number=number)
    same = pl.col("number").over("row", "text", mapping_strategy="join")
    first = same.list.get(0)
    # Distance in lines to the first occurrence; null for lines that occur once or more than twice.
    distance = pl.when(same.list.len() == 2, pl.col("number") > first).then(pl.col("number") - first)
    lines = lines.with_columns(distance=distance).with_columns(run=pl.struct("row", "distance").rle_id())
    length = pl.col("text").str.len_chars()
    paragraphs = length.filter(length >= MIN_CHARACTERS)
    long = (paragraphs.len() >= MIN_IN_ORDER) & (paragraphs.mean() >= MIN_MEAN_LENGTH)
    repeat = pl.col("distance").is_not_null() & long.over("run")
    return (
        lines.filter(~repeat)
        .group_by("row", maintain_order=True)
        .agg(pl.col("text").str.join("\n"))
        .cast({"row": frame.schema["row"]})
    )
