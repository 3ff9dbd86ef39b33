"""Cuts long documents into segments that can be read on their own.

A cut is before a heading if possible, else before a paragraph, else before a sentence, else before a line of program
code. A segment that begins within a section starts with the heading of that section.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from stages.filtered_text.settings import FilteredText
from x_instruction.cleaning.private_data.mask import count_marks
from x_instruction.language.length import word_count
from x_instruction.language.sentences import closed, marks, sentence_a_line
from x_instruction.language.settings import LanguageSettings

HEADING_WORDS = 12
MARKED_HEADING = r"^#{1,6}\s"
CODE_FENCE, FORMULA_FENCE = r"^\s*```", r"\$\$"
ANNOUNCES = r":[*_]{0,3}\s*$"
# A line that begins or ends like code, a table or a list, or that ends with a colon, semicolon or comma, is a heading
# only if it begins with "#" (MARKED_HEADING).
NO_HEADING = r"^\s*[-*•<{}\[\](|/$`+]|[:;,{}()\[\]>=|`]\s*$"


class Cut(NamedTuple):
    """`texts` has a row for each segment, and for each document that was not cut.

    `counts` has the number of documents that were cut, of their segments, and of the characters that they lost.
    """

    texts: pl.DataFrame
    counts: dict[str, int]


def cut(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> Cut:
    """Cuts rows of more than `max_words` into rows of about `segment_words`; adds `position` (from 1) and `segments`.

    `characters_lost` is the number of characters of the documents minus that of their segments. White space and
    repeated headings do not count.
    """
    rows = frame.with_row_index("row").with_columns(position=pl.lit(1, pl.Int64), segments=pl.lit(1, pl.Int64))
    long = rows.filter(pl.col("words") > settings.max_words)
    if long.is_empty():
        return Cut(rows.drop("row"), {"documents_cut": 0, "segments": 0, "characters_lost": 0})
    size = min(settings.segment_words, settings.max_words)
    pieces = _pieces(_blocks(long, size, language), size)
    solid = pl.col("text").str.count_matches(r"\S").sum()
    lost = long.select(solid).item() - pieces.select(solid).item()
    text = pl.when(pl.col("heading") == "").then("text").otherwise(pl.format("{}\n{}", "heading", "text"))
    segments = pieces.select("row", "position", "segments", text=text).with_columns(word_count(language).alias("words"))
    documents = long.drop("text", "words", "position", "segments")
    parts = count_marks(documents.join(segments, on="row", maintain_order="left"))
    texts = pl.concat([rows.filter(pl.col("words") <= settings.max_words), parts.select(rows.columns)])
    counts = {"documents_cut": long.height, "segments": pieces.height, "characters_lost": lost}
    return Cut(texts.sort("row", "position").drop("row"), counts)


def _blocks(long: pl.DataFrame, size: int, language: LanguageSettings) -> pl.DataFrame:
    """One row for each block, which is a line or a sentence of a long line.

    The columns are `row` (of the document), `text`, `words`, `heading`, `opens` and `rank`. `opens` says whether the
    block begins a line. `rank` grades the boundary before the block: 0 (best) before a heading, 1 before a line, 2
    before a sentence, 3 before a line of code.
    """
    count = word_count(language)
    lines = (
        long.select("row", pl.col("text").str.split("\n"))
        .explode("text")
        .with_columns(pl.col("text").str.strip_chars_end())
        .filter(pl.col("text") != "")
        .with_columns(count.alias("words"))
        .with_columns(
            _is_heading(pl.col("words"), language).alias("heading"), code=_in_code(), line=pl.int_range(pl.len())
        )
    )
    # A line that is longer than half a segment is divided into sentences, so that a segment can end within the line.
    sentences = sentence_a_line(language).str.split("\n")
    parted = pl.when(pl.col("words") > size / 2).then(sentences).otherwise(pl.concat_list("text"))
    blocks = lines.with_columns(parted.alias("text")).explode("text").with_columns(pl.col("text").str.strip_chars_end())
    opens = pl.col("line").is_first_distinct()
    rank = pl.when("code").then(3).when("heading").then(0).when(opens).then(1).otherwise(2)
    return blocks.with_columns(count.alias("words"), opens=opens, rank=rank)


def _is_heading(count: pl.Expr, language: LanguageSettings) -> pl.Expr:
    """Whether a line is a heading: it begins with "#", or has no sentence end and is before a long line that has one.

    A heading has at most HEADING_WORDS words, and a long line has more. In a language without sentence ends, such as
    Thai, only headings with "#" are found.
    """
    text, end = pl.col("text"), closed(marks(language))
    short = (count <= HEADING_WORDS) & text.str.contains(r"\p{L}") & ~_in_code()
    if not language.marks_sentence_ends:
        return short & text.str.contains(MARKED_HEADING)
    bare = ~text.str.contains(end) & ~text.str.contains(NO_HEADING)
    prose = (count > HEADING_WORDS) & text.str.contains(end)
    return short & (text.str.contains(MARKED_HEADING) | (bare & prose.shift(-1, fill_value=False).over("row")))


def _in_code() -> pl.Expr:
    """Whether a line is between two fences of Markdown, where "# …" is a comment, or within a formula.

    The closing fence counts as part of the code.
    """
    formula = pl.col("text").str.count_matches(FORMULA_FENCE) % 2 == 1
    fence = pl.col("text").str.contains(CODE_FENCE) | formula
    return (fence.cum_sum() - fence.cast(pl.UInt32)).over("row") % 2 == 1


def _pieces(blocks: pl.DataFrame, size: int) -> pl.DataFrame:
    """Joins each document's blocks into segments.

    The columns are `row`, `position`, `segments`, `heading` (to put before the text) and `text`.
    """
    numbered = [_numbered(document, size) for document in blocks.partition_by("row", maintain_order=True)]
    glue = pl.when(pl.col("opens")).then(pl.lit("\n")).otherwise(pl.lit(" "))
    return (
        pl.concat(numbered)
        .with_columns(pl.concat_str(glue, "text").alias("text"))
        .group_by("row", "position", maintain_order=True)
        .agg(pl.col("text").str.join("").str.strip_chars_start(), pl.col("section").first().alias("heading"))
        .with_columns(segments=pl.len().over("row").cast(pl.Int64))
    )


def _numbered(document: pl.DataFrame, size: int) -> pl.DataFrame:
    """Adds `position` (of a block's segment) and `section` (the heading of the section that the block continues)."""
    headings = document["heading"].to_numpy()
    room = size - HEADING_WORDS if headings.any() and size > 2 * HEADING_WORDS else size
    announces = headings | document["text"].str.contains(ANNOUNCES).to_numpy()
    starts = _starts(document["words"].to_numpy(), announces, document["rank"].to_numpy(), room)
    position = np.searchsorted(starts, np.arange(document.height), side="right")
    last_heading = pl.when("heading").then("text").forward_fill()
    # A segment that begins with a heading continues no section, and neither does the first segment.
    section = pl.when(pl.col("heading") | (pl.col("position") == 1)).then(pl.lit("")).otherwise(last_heading)
    return document.with_columns(pl.Series("position", position, pl.Int64)).with_columns(section=section.fill_null(""))


def _starts(
    words: npt.NDArray[np.int64], announces: npt.NDArray[np.bool_], rank: npt.NDArray[np.int32], size: int
) -> list[int]:
    """The first block of each segment. Segments are about equally long and have at most `size` words, if possible.

    No segment is shorter than a quarter of `size`, and none ends with a heading or another line that announces the next
    line. A boundary of a better rank is preferred even if another boundary would give more equal lengths.
    """
    before = np.cumsum(words) - words
    allowed = np.append(False, ~announces[:-1])
    total, starts = int(words.sum()), [0]
    while (rest := total - before[starts[-1]]) > size:
        done = before[starts[-1]]
        target = rest / math.ceil(rest / size)
        far = allowed & (before >= done + target / 2) & (before <= total - target / 2)
        within = np.flatnonzero(far & (before <= done + size))
        if len(within):
            best = within[rank[within] == rank[within].min()]
            starts.append(int(best[np.abs(before[best] - done - target).argmin()]))
        elif far.any():
            starts.append(int(np.flatnonzero(far)[0]))
        else:
            break
    return starts
