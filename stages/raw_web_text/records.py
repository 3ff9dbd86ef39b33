"""Records of a language's sources, as found, in slices small enough to hold.

A bad file or record is a record too: its `problem` becomes the reason of a drop that names file and offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from stages.raw_web_text.archives import read_archive
from stages.raw_web_text.files import SourceFile, UnreadableError, files_of, opened
from stages.raw_web_text.hub_datasets import read_dataset
from stages.raw_web_text.settings import RawWebText, Source
from stages.raw_web_text.tables import read_lines, read_table

PROVENANCE = ("url", "title", "date", "license", "source_id")
# `body`: the page's bytes (null: there is none); `encoding`: theirs, where known for certain; `charset`: what the
# server said it is; `labelled`: the source says that they are in our language; `record`: number of the line or row,
# in an archive the offset in bytes; `problem` and `met`: why the record is none. The last four are of records whose
# page was read before (`pages.PAGE_SCHEMA`): they have no body, and `size` is what it had.
RECORD_SCHEMA = {
    "body": pl.Binary,
    "encoding": pl.String,
    "charset": pl.String,
    "content": pl.String,
    "labelled": pl.Boolean,
    "source": pl.String,
    "record": pl.Int64,
    **dict.fromkeys(PROVENANCE, pl.String),
    "problem": pl.String,
    "met": pl.String,
    "text": pl.String,
    "extractor": pl.String,
    "likeliest": pl.String,
    "size": pl.Int64,
}
# A slice ends at this many bytes of pages even before its rows are full: pages differ a thousandfold in size.
# With twice as many, pages of 4.9 MB took a run to 2.2 GB.
SLICE_BYTES = 128_000_000
CHUNK_ROWS, CHUNK_BYTES = 500, 16_000_000
# Bytes of a record's page, also where it was read before.
SIZE = pl.coalesce("size", pl.col("body").bin.size().cast(pl.Int64), pl.lit(0))
Record = dict[str, Any]
Reader = Callable[[SourceFile, Source, RawWebText], Iterator[Record]]


class ReadBefore(Protocol):
    """Where the records of shared sources are that were read before, as frames of some of RECORD_SCHEMA."""

    def chunks(self, source: Source) -> Iterator[pl.DataFrame]: ...


def read_sources(
    settings: RawWebText, language: str, root: Path, shared: ReadBefore | None = None
) -> Iterator[pl.DataFrame]:
    """Frames of RECORD_SCHEMA over all sources of a language, those without label from `shared` where it is given.

    Raises InputError for a source that is not there.
    """
    chunks = (
        chunk.with_columns(labelled=pl.lit(source.labelled))
        for source in settings.sources
        if source.serves(language)
        for chunk in (
            shared.chunks(source)
            if shared and not source.labelled
            else in_chunks(read_source(source, language, settings, root))
        )
    )
    return regrouped(chunks, settings.rows_per_shard)


def read_source(source: Source, language: str, settings: RawWebText, root: Path) -> Iterator[Record]:
    """Records of one source, file by file."""
    if source.format == "dataset":
        return read_rows(source, language, settings, root)
    return read_files(files_of(source, language, root), source, settings)


def read_rows(source: Source, language: str, settings: RawWebText, root: Path) -> Iterator[Record]:
    """Records of a dataset."""
    return ({"content": source.content or "text", **one} for one in read_dataset(source, language, settings, root))


def read_files(files: list[SourceFile], source: Source, settings: RawWebText) -> Iterator[Record]:
    """Records of some files of a source."""
    return (
        {"content": source.content or "text", **one} for file in files for one in _read_file(file, source, settings)
    )


def _read_file(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """Records of a file. Where it cannot be read further, the last of them says so, by the number after the last."""
    record = -1
    try:
        for one in READERS[file.format](file, source, settings):
            record = one["record"]
            yield {"source": file.name, **one}
    except UnreadableError as error:
        yield {"source": file.name, "record": record + 1, "problem": error.reason, "met": str(error)}


def _read_page(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """The one page of a file. A page over the limit is read one byte past it: enough to refuse it."""
    with opened(file, settings.max_expansion) as bytes_:
        yield {"body": bytes_.read(settings.max_page_bytes + 1), "content": "html", "record": 0}


READERS: dict[str, Reader] = {
    "html": _read_page,
    "jsonl": read_lines,
    "parquet": read_table,
    "warc": read_archive,
    "wet": read_archive,
}


def in_frames(records: Iterable[Record], rows: int, size: int = SLICE_BYTES) -> Iterator[pl.DataFrame]:
    """Frames of at most `rows` records, ended early where the pages reach `size` bytes."""
    return regrouped(in_chunks(records), rows, size)


def in_chunks(records: Iterable[Record]) -> Iterator[pl.DataFrame]:
    """Small frames of the records, which as Python's objects take twice the memory."""
    held: list[Record] = []
    held_bytes = 0
    for record in records:
        held.append(record)
        held_bytes += len(record.get("body") or b"")
        if len(held) == CHUNK_ROWS or held_bytes >= CHUNK_BYTES:
            yield pl.DataFrame(held, schema=RECORD_SCHEMA, orient="row")
            held, held_bytes = [], 0
    if held:
        yield pl.DataFrame(held, schema=RECORD_SCHEMA, orient="row")


def regrouped(chunks: Iterable[pl.DataFrame], rows: int, size: int = SLICE_BYTES) -> Iterator[pl.DataFrame]:
    """Frames of RECORD_SCHEMA out of smaller ones: of `rows` records, or fewer once the pages reach `size` bytes."""
    held: list[pl.DataFrame] = []
    height = held_bytes = 0
    for chunk in chunks:
        left = chunk
        while left.height:
            sums = left.select(SIZE.cum_sum()).to_series() + held_bytes
            taken = min(rows - height, int((sums < size).sum()) + 1)
            held.append(left.head(taken))
            height, held_bytes = height + held[-1].height, int(sums[held[-1].height - 1])
            left = left.slice(taken)
            if height == rows or held_bytes >= size:
                yield _let_go(held)
                height = held_bytes = 0
    if held:
        yield _let_go(held)


def _let_go(held: list[pl.DataFrame]) -> pl.DataFrame:
    """One frame of the chunks, which are not held beside it while it is worked on."""
    frame = pl.concat([pl.DataFrame(schema=RECORD_SCHEMA), *held], how="diagonal")
    held.clear()
    return frame
