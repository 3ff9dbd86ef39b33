"""Paragraphs that a page says twice, taken out the second time: one behind itself, or several in their order.

The second comes of pages that hold a text once for each width of screen, or its beginning once more as a teaser: 5 of
3,627 Tamil pages, two of which went as repetition, 3 of 3,197 Thai ones, 1 of 340 Hindi ones, none of the other seven
languages' 8,042.
"""

from __future__ import annotations

import polars as pl

from stages.filtered_text.cleaning.code_blocks import prose

SAID_TWICE = 40  # characters of a paragraph; verse may say a shorter line again
MOST_SAID_TWICE = 2  # of a text; one that goes on so is no text with a slip in it
# Paragraphs in their order, headings not counted, and their characters on the average: refrains have shorter lines.
ORDERED, ORDERED_LENGTH = 2, 80


def said_once(texts: pl.Series) -> pl.Series:
    """The texts without what they say again. What is said a third time is meant, and program code says what it must."""
    frame = texts.alias("text").to_frame().select(_once()).with_row_index("row")
    lines = pl.col("text").str.split("\n")
    long = lines.list.eval(pl.element().filter(pl.element().str.len_chars() >= SAID_TWICE))
    fenced = pl.col("text").str.contains("```", literal=True)
    repeats = frame.filter(~fenced).filter(long.list.n_unique() < long.list.len())
    repeats = repeats.filter(prose(pl.col("text")) == pl.col("text"))
    others = frame.join(repeats, on="row", how="anti")
    return pl.concat([others, _ordered_once(repeats)]).sort("row")["text"].alias(texts.name)


def _once() -> pl.Expr:
    """Without paragraphs that say the one before them again."""
    line = pl.element()
    again = (line == line.shift(1)).fill_null(False) & (line.str.len_chars() >= SAID_TWICE)
    kept = line.filter(~again | (again.sum() > MOST_SAID_TWICE))
    return pl.col("text").str.split("\n").list.eval(kept).list.join("\n")


def _ordered_once(frame: pl.DataFrame) -> pl.DataFrame:
    """Without paragraphs that follow each other as they did before."""
    number = pl.int_range(pl.len()).over("row")
    lines = frame.with_columns(pl.col("text").str.split("\n")).explode("text").with_columns(number=number)
    same = pl.col("number").over("row", "text", mapping_strategy="join")
    # Lines from where it was said first to where it is said again; null for what is not, or more than twice.
    back = pl.when(same.list.len() == 2, pl.col("number") > same.list.get(0)).then(pl.col("number") - same.list.get(0))
    lines = lines.with_columns(back=back).with_columns(run=pl.struct("row", "back").rle_id())
    length = pl.col("text").str.len_chars()
    paragraphs = length.filter(length >= SAID_TWICE)
    long = (paragraphs.len() >= ORDERED) & (paragraphs.mean() >= ORDERED_LENGTH)
    again = pl.col("back").is_not_null() & long.over("run")
    return (
        lines.filter(~again)
        .group_by("row", maintain_order=True)
        .agg(pl.col("text").str.join("\n"))
        .cast({"row": frame.schema["row"]})
    )
