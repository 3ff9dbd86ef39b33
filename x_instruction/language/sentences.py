"""Sentences of texts, one a row: what boilerplate, repetition and an evaluator's signs are counted in."""

from __future__ import annotations

import polars as pl

from x_instruction.language.settings import LanguageSettings

# Full stops of the ten languages' scripts (danda for Bengali and Hindi, U+06D4 and U+061F for Urdu). Those that are
# nothing else may stand without a blank behind them, as every third does in Urdu news.
ONLY_STOPS = "।॥۔؟"
SENTENCE_END = rf"([.!?…])\s+|([{ONLY_STOPS}]+[\p{{Pf}}\p{{Pe}}\x22']*)\s*(\S)"
# Left out when phrases are compared: what lower-casing İ leaves, joiners, and optional Arabic vowel marks.
NOT_COMPARED = r"[\u0307\u200b-\u200d\u064b-\u0652]"


def fold(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_all(NOT_COMPARED, "")


def sentence_a_line(language: LanguageSettings) -> pl.Expr:
    """`text` with a line end behind each sentence. Thai ends one with a blank."""
    text = pl.col("text")
    if not language.spaces_between_words:
        return text.str.replace_all(r"\s+", "\n")
    return text.str.replace_all(SENTENCE_END, "${1}${2}\n${3}")


def sentences(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """Rows `row` (of the frame), `sentence` (folded), `length` (characters)."""
    return split_text(frame, sentence_a_line(language))


def sentences_or_lines(frame: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    """As `sentences`; but in Thai lines, unless the text is a single one.

    A Thai sentence comes in several runs between blanks, and a headline said again in the first paragraph would
    count as many repeated ones: by runs, 32 of 800 pages of government news were "repetition", by lines none.
    """
    if language.spaces_between_words:
        return sentences(frame, language)
    text = pl.col("text")
    return split_text(frame, pl.when(text.str.contains("\n")).then(text).otherwise(text.str.replace_all(" ", "\n")))


def split_text(frame: pl.DataFrame, marked: pl.Expr) -> pl.DataFrame:
    return (
        frame.select(row=pl.int_range(pl.len()), sentence=fold(marked).str.split("\n"))
        .explode("sentence")
        .with_columns(pl.col("sentence").str.strip_chars())
        .filter(pl.col("sentence").str.contains(r"[\p{L}\p{N}]"))
        .with_columns(length=pl.col("sentence").str.len_chars())
    )


def share_of_rows(frame: pl.DataFrame, marked: pl.DataFrame) -> pl.Series:
    """For each row of the frame, the share of its sentences' characters whose `hit` is true."""
    shares = marked.group_by("row").agg(share=pl.col("length").filter("hit").sum() / pl.col("length").sum())
    rows = frame.select(row=pl.int_range(pl.len()))
    return rows.join(shares, on="row", how="left", maintain_order="left")["share"].fill_null(0.0)
