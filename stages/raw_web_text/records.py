"""Reads the sources of a language as records, in frames that are small enough for the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import polars as pl

from stages.raw_web_text.archives import read_archive
from stages.raw_web_text.columns import NamedColumns
from stages.raw_web_text.files import SourceFile, listing
from stages.raw_web_text.hub_datasets import read_dataset
from stages.raw_web_text.json_files import read_json
from stages.raw_web_text.opened_files import UnreadableError, opened
from stages.raw_web_text.parquet_files import read_parquet
from stages.raw_web_text.schema import RECORD_SCHEMA, Record
from stages.raw_web_text.settings import RawWebText, Source
from stages.raw_web_text.unused_sources import UnusedSources

# A frame ends at this number of bytes even if it has few rows, because the sizes of pages vary by a factor of a
# thousand. With twice this number, reading pages of 4.9 MB took 2.2 GB of memory.
FRAME_BYTES = 128_000_000
CHUNK_ROWS, CHUNK_BYTES = 500, 16_000_000
# The size of a record's page in bytes, even if the page was read earlier.
SIZE = pl.coalesce("size", pl.col("body").bin.size().cast(pl.Int64), pl.lit(0))
Reader = Callable[[SourceFile, Source, RawWebText], Iterator[Record]]


def read_sources(
    settings: RawWebText,
    language: str,
    root: Path,
    shared_pages: Callable[[Source], Iterator[pl.DataFrame]] | None = None,
    unused: UnusedSources | None = None,
) -> Iterator[pl.DataFrame]:
    """Frames of RECORD_SCHEMA over all sources of a language.

    If `shared_pages` is given, it reads the sources without a language label. If `unused` is given, it watches the
    records. Raises InputError if a source cannot be used, for example because it does not exist or has no text column.
    """
    watched = (unused or UnusedSources()).watched
    chunks = (
        chunk.with_columns(labelled=pl.lit(source.labelled))
        for source in settings.sources
        if source.serves(language)
        for chunk in watched(
            chain(shared_pages(source), in_chunks(_unread(source, language, root)))
            if shared_pages and not source.labelled
            else in_chunks(read_source(source, language, settings, root)),
            source,
        )
    )
    return regrouped(chunks, settings.rows_per_shard)


def _unread(source: Source, language: str, root: Path) -> list[Record]:
    """One record for each file of a shared source that is not read.

    The pages of the other files come from `shared_pages`.
    """
    return [] if source.format == "dataset" else listing(source, language, root).unread


def read_source(source: Source, language: str, settings: RawWebText, root: Path) -> Iterator[Record]:
    """Records of one source, file by file. Warns of named columns that have no value in any row."""
    named = NamedColumns(source)
    if source.format == "dataset":
        yield from named.watch(read_rows(source, language, settings, root))
    else:
        files, unread = listing(source, language, root)
        yield from named.watch(read_files(files, source, settings))
        yield from unread
    named.warn()


def read_rows(source: Source, language: str, settings: RawWebText, root: Path) -> Iterator[Record]:
    """Records of a dataset."""
    for record in read_dataset(source, language, settings, root):
        yield {"content": source.content or "text", **record}


def read_files(files: list[SourceFile], source: Source, settings: RawWebText) -> Iterator[Record]:
    """Records of several files of a source."""
    for file in files:
        for record in _read_file(file, source, settings):
            yield {"content": source.content or "text", **record}


def _read_file(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """Records of a file. If the rest of the file cannot be read, one more record has the reason."""
    number = -1
    try:
        for record in READERS[file.format](file, source, settings):
            number = record["record"]
            yield {"source": file.name, **record}
    except UnreadableError as error:
        yield {"source": file.name, "record": number + 1, **error.record}


def _read_page(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """The only page of a file. It is read up to one byte beyond the limit, which is enough to refuse it."""
    with opened(file, settings.max_expansion) as stored:
        yield {"body": stored.read(settings.max_page_bytes + 1), "content": "html", "record": 0}


READERS: dict[str, Reader] = {
    "html": _read_page,
    "jsonl": read_json,
    "parquet": read_parquet,
    "warc": read_archive,
    "wet": read_archive,
}


def in_frames(records: Iterable[Record], rows: int, size: int = FRAME_BYTES) -> Iterator[pl.DataFrame]:
    """Frames of `rows` records, or fewer once their pages have `size` bytes."""
    return regrouped(in_chunks(records), rows, size)


def in_chunks(records: Iterable[Record]) -> Iterator[pl.DataFrame]:
    """Small frames of the records, because records as Python objects take more memory."""
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


def regrouped(chunks: Iterable[pl.DataFrame], rows: int, size: int = FRAME_BYTES) -> Iterator[pl.DataFrame]:
    """Joins smaller frames into frames of `rows` records, or fewer once their pages have `size` bytes."""
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
                yield _released(held)
                height = held_bytes = 0
    if held:
        yield _released(held)


def _released(held: list[pl.DataFrame]) -> pl.DataFrame:
    """The chunks as one frame. Empties the list, so that the chunks are not in memory while the frame is processed."""
    frame = pl.concat([pl.DataFrame(schema=RECORD_SCHEMA), *held], how="diagonal")
    held.clear()
    return frame
