"""Long documents cut into texts that stand for themselves: at headings, else paragraphs, else sentences.

A segment that begins amid a section has that section's heading put before it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from stages.filtered_text.private_data.mask import count_marks
from stages.filtered_text.settings import FilteredText
from x_instruction.language.length import word_count
from x_instruction.language.sentences import sentence_a_line
from x_instruction.language.settings import LanguageSettings

HEADING_WORDS = 12
MARKED_HEADING = r"^#{1,6}\s"
CODE_FENCE, FORMULA_FENCE = r"^\s*```", r"\$\$"
ANNOUNCES = r":[*_]{0,3}\s*$"
CLOSED = r"[\p{Sentence_Terminal}…][\p{Pf}\p{Pe}\x22']*\s*$"
# A line that begins as code, a table or a list, or ends as the beginning of one, is no heading.
NO_HEADING = r"^\s*[-*•<{}\[\](|/$`+]|[:;,{}()\[\]>=|`]\s*$"


class Cut(NamedTuple):
    """`texts` has a row a segment; `counts` are `documents_cut`, `segments` they gave, and `characters_lost`."""

    texts: pl.DataFrame
    counts: dict[str, int]


def cut(frame: pl.DataFrame, settings: FilteredText, language: LanguageSettings) -> Cut:
    """Rows of more than `max_words` as rows of about `segment_words`; adds `position` (from 1) and `segments`.

    Lost can only be what is no blank: a document's characters less its segments', the headings put before not counted.
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
    told = pieces.select("row", "position", "segments", text=text).with_columns(word_count(language).alias("words"))
    parts = count_marks(long.drop("text", "words", "position", "segments").join(told, on="row", maintain_order="left"))
    texts = pl.concat([rows.filter(pl.col("words") <= settings.max_words), parts.select(rows.columns)])
    counts = {"documents_cut": long.height, "segments": pieces.height, "characters_lost": lost}
    return Cut(texts.sort("row", "position").drop("row"), counts)


def _blocks(long: pl.DataFrame, size: int, language: LanguageSettings) -> pl.DataFrame:
    """Lines, or sentences of lines too long: `row`, `text`, `words`, `heading`, `opens` (a line), `rank`.

    The rank of the boundary before a block, best first: a heading's, a line's, a sentence's, one in program code.
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
    sentences = sentence_a_line(language).str.split("\n")
    # A boundary lies in every window of half a segment.
    parted = pl.when(pl.col("words") > size / 2).then(sentences).otherwise(pl.concat_list("text"))
    blocks = lines.with_columns(parted.alias("text")).explode("text")
    opens = pl.col("line").is_first_distinct()
    rank = pl.when("code").then(3).when("heading").then(0).when(opens).then(1).otherwise(2)
    return blocks.with_columns(count.alias("words"), opens=opens, rank=rank)


def _is_heading(count: pl.Expr, language: LanguageSettings) -> pl.Expr:
    """Marked as one, or a short line without a full stop before a longer one that has it. Thai has no full stops."""
    text = pl.col("text")
    short = (count <= HEADING_WORDS) & text.str.contains(r"\p{L}") & ~_in_code()
    if not language.spaces_between_words:
        return short & text.str.contains(MARKED_HEADING)
    bare = ~text.str.contains(CLOSED) & ~text.str.contains(NO_HEADING)
    prose = (count > HEADING_WORDS) & text.str.contains(CLOSED)
    return short & (text.str.contains(MARKED_HEADING) | (bare & prose.shift(-1, fill_value=False).over("row")))


def _in_code() -> pl.Expr:
    """Between two fences of Markdown, where "# …" is a remark, or the ends of a formula; the closing one too."""
    formula = pl.col("text").str.count_matches(FORMULA_FENCE) % 2 == 1
    fence = pl.col("text").str.contains(CODE_FENCE) | formula
    return (fence.cum_sum() - fence.cast(pl.UInt32)).over("row") % 2 == 1


def _pieces(blocks: pl.DataFrame, size: int) -> pl.DataFrame:
    """The blocks of each document joined to segments: `row`, `position`, `segments`, `heading` (put before), `text`."""
    numbered = [_numbered(document, size) for document in blocks.partition_by("row", maintain_order=True)]
    glue = pl.when(pl.col("opens")).then(pl.lit("\n")).otherwise(pl.lit(" "))
    return (
        pl.concat(numbered)
        .with_columns(pl.concat_str(glue, "text").alias("text"))
        .group_by("row", "position", maintain_order=True)
        .agg(pl.col("text").str.join("").str.strip_chars_start(), pl.col("of").first().alias("heading"))
        .with_columns(segments=pl.len().over("row").cast(pl.Int64))
    )


def _numbered(document: pl.DataFrame, size: int) -> pl.DataFrame:
    """A document's blocks with the segment each falls to, `position`, and the heading `of` a section gone on with."""
    headings = document["heading"].to_numpy()
    room = size - HEADING_WORDS if headings.any() and size > 2 * HEADING_WORDS else size
    announces = headings | document["text"].str.contains(ANNOUNCES).to_numpy()
    starts = _starts(document["words"].to_numpy(), announces, document["rank"].to_numpy(), room)
    position = np.searchsorted(starts, np.arange(document.height), side="right")
    last = pl.when("heading").then("text").forward_fill()
    return document.with_columns(
        pl.Series("position", position, pl.Int64), of=pl.when("heading").then(None).otherwise(last).fill_null("")
    ).with_columns(of=pl.when(pl.col("position") == 1).then(pl.lit("")).otherwise(pl.col("of").fill_null("")))


def _starts(
    words: npt.NDArray[np.int64], announces: npt.NDArray[np.bool_], rank: npt.NDArray[np.int32], size: int
) -> list[int]:
    """The blocks with which segments of at most `size` words begin, evenly long where boundaries let them be.

    None is shorter than a quarter of `size`, nor ends with a heading or another line that announces what follows; a
    boundary of better rank goes before a nearer.
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
