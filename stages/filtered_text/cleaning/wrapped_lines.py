"""Lines broken at a width, joined to paragraphs again: of plain text files, reStructuredText and picture books."""

from __future__ import annotations

import polars as pl

# So many of the lines end within a sentence and go on with a small letter; who begins sentences with one is left alone.
BROKEN_SHARE = 0.3
BROKEN = r"[\p{L}\p{M}\p{N},]\n\p{Ll}"
SENTENCE, SMALL_SENTENCE = r"[.!?][”\x22']?\n\p{Lu}", r"[.!?][”\x22']?\n\p{Ll}"
OPEN = r"[\p{L}\p{M}\p{N},;’'”\x22)]$"
FULL_LINE = 55  # characters: no heading, so what follows goes on with it, also with a capital
HEADING, FENCE = r"^#", r"^ *```"
CODE = r"[={}\[\]<>;_]|[\p{L}\p{N}]\(|^(?:import|from|def|class|return|if|for|while|else|try)\b|^[$#] |^ "


def joined_lines(texts: pl.Series) -> pl.Series:
    """The texts, those broken at a width as paragraphs of a line each."""
    frame = texts.alias("text").to_frame().with_row_index("row")
    is_broken = _is_broken(pl.col("text"))
    paragraphs = _paragraphs(frame.filter(is_broken))
    return pl.concat([frame.filter(~is_broken), paragraphs]).sort("row")["text"].alias(texts.name)


def _is_broken(text: pl.Expr) -> pl.Expr:
    ends = text.str.count_matches("\n", literal=True)
    capitals = text.str.count_matches(SENTENCE) >= 4 * text.str.count_matches(SMALL_SENTENCE)
    return (ends >= 4) & (text.str.count_matches(BROKEN) >= BROKEN_SHARE * ends) & capitals


def _paragraphs(frame: pl.DataFrame) -> pl.DataFrame:
    text, before = pl.col("text"), pl.col("text").shift(1).over("row")
    fences = text.str.contains(FENCE).cast(pl.UInt32).cum_sum().over("row")
    goes_on = text.str.contains(r"^\p{Ll}") | (
        (before.str.len_chars() >= FULL_LINE) & text.str.contains(r"^[\p{L}\p{N}“\x22'(]")
    )
    prose = ~text.str.contains(CODE) & ~before.str.contains(CODE) & ~before.str.contains(HEADING) & (fences % 2 == 0)
    joins = (before.str.contains(OPEN) & goes_on & prose).fill_null(False)
    return (
        frame.with_columns(text.str.split("\n"))
        .explode("text")
        .with_columns(glue=pl.when(joins).then(pl.lit(" ")).otherwise(pl.lit("\n")))
        .group_by("row", maintain_order=True)
        .agg(pl.concat_str("glue", "text").str.join("").str.strip_chars_start("\n").alias("text"))
        .cast({"row": frame.schema["row"]})
    )
