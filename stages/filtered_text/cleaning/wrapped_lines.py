"""Joins lines that were wrapped at a fixed width, as in plain text files, reStructuredText and picture books."""

from __future__ import annotations

import polars as pl

from x_instruction.language.sentences import marks
from x_instruction.language.settings import LanguageSettings

# A text with at least MIN_LINE_ENDS line ends may be wrapped if at least the share WRAPPED_SHARE of its line ends is
# within a sentence and before a small letter.
WRAPPED_SHARE, MIN_LINE_ENDS = 0.3, 4
WRAPPED = r"[\p{L}\p{M}\p{N},]\n\p{Ll}"
OPEN = r"[\p{L}\p{M}\p{N},;’'”\x22)]$"
# A line of at least this many characters is not a heading, so the next line continues it even if that next line begins
# with a capital.
FULL_LINE = 55
HEADING, FENCE = r"^#", r"^ *```"
CODE = r"[={}\[\]<>;_]|[\p{L}\p{N}]\(|^(?:import|from|def|class|return|if|for|while|else|try)\b|^[$#] |^ "


def joined_lines(texts: pl.Series, language: LanguageSettings) -> pl.Series:
    """The texts, with each paragraph of a wrapped text on one line."""
    frame = texts.alias("text").to_frame().with_row_index("row")
    is_wrapped = _is_wrapped(pl.col("text"), language)
    paragraphs = _paragraphs(frame.filter(is_wrapped))
    return pl.concat([frame.filter(~is_wrapped), paragraphs]).sort("row")["text"].alias(texts.name)


def _is_wrapped(text: pl.Expr, language: LanguageSettings) -> pl.Expr:
    """Whether the lines of a text are wrapped. False if sentences of the text often begin with a small letter."""
    line_ends = text.str.count_matches("\n", literal=True)
    ended = rf"[{marks(language)}][”\x22]?\n"  # no brackets: many lines of program code end with them
    capitals = text.str.count_matches(ended + r"\p{Lu}") >= 4 * text.str.count_matches(ended + r"\p{Ll}")
    many = text.str.count_matches(WRAPPED) >= WRAPPED_SHARE * line_ends
    return (line_ends >= MIN_LINE_ENDS) & many & capitals


def _paragraphs(frame: pl.DataFrame) -> pl.DataFrame:
    text, before = pl.col("text"), pl.col("text").shift(1).over("row")
    fences = text.str.contains(FENCE).cast(pl.UInt32).cum_sum().over("row")
    continues = text.str.contains(r"^\p{Ll}") | (
        (before.str.len_chars() >= FULL_LINE) & text.str.contains(r"^[\p{L}\p{N}“\x22'(]")
    )
    prose = ~text.str.contains(CODE) & ~before.str.contains(CODE) & ~before.str.contains(HEADING) & (fences % 2 == 0)
    joins = (before.str.contains(OPEN) & continues & prose).fill_null(False)
    return (
        frame.with_columns(text.str.split("\n"))
        .explode("text")
        .with_columns(glue=pl.when(joins).then(pl.lit(" ")).otherwise(pl.lit("\n")))
        .group_by("row", maintain_order=True)
        .agg(pl.concat_str("glue", "text").str.join("").str.strip_chars_start("\n").alias("text"))
        .cast({"row": frame.schema["row"]})
    )
