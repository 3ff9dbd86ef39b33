"""Divides responses into parts, between sentences."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from x_instruction.embeddings.settings import Embeddings
from x_instruction.language.sentences import sentence_a_line
from x_instruction.language.settings import LanguageSettings, load_language


def parts_of(pairs: pl.DataFrame, settings: Embeddings, pages: Path) -> pl.DataFrame:
    """A frame with one row for each part of each response.

    Rows are in the order of `pairs`. The columns are `row` (the number of the pair), `part` (from 0), `text` and
    `length` (in characters). `pairs` has `language` and `response`; `pages` is the folder of the language pages. A
    response without a sentence has one part with an empty text. A sentence belongs to the part in which its middle
    lies. Sentences that begin after the first `max_characters` characters of a response are not read.
    """
    numbered = pairs.select("language", "response", row=pl.int_range(pl.len()))
    by_language = [
        _sentences(of_language, load_language(str(code), pages))
        for (code,), of_language in numbered.partition_by("language", as_dict=True).items()
    ]
    sentences = pl.concat(by_language).sort("row", maintain_order=True)
    length, limit = pl.col("length"), settings.max_characters
    start = length.cum_sum().over("row") - length
    whole = length.sum().over("row")
    parts = (whole // settings.part_characters).clip(1, settings.parts)
    return (
        sentences.with_columns(pl.col("sentence").str.slice(0, limit))
        .with_columns(length=pl.col("sentence").str.len_chars().clip(1).cast(pl.Int64))
        .filter(start < limit)
        .with_columns(part=((start + length / 2) * parts // whole).cast(pl.Int64))
        .group_by("row", "part", maintain_order=True)
        .agg(length.sum(), text=pl.col("sentence").str.join(" "))
    )


def _sentences(pairs: pl.DataFrame, language: LanguageSettings) -> pl.DataFrame:
    bare = pl.element().str.strip_chars()
    marked = pairs.select(text="response").select(sentence_a_line(language)).to_series()
    sentences = marked.str.split("\n").list.eval(bare.filter(bare != ""))
    rows = pairs.select("row", sentence=sentences).explode("sentence", empty_as_null=True)
    return rows.with_columns(pl.col("sentence").fill_null(""))
