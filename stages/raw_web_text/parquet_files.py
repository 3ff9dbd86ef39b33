"""Reads Parquet files as records."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from stages.raw_web_text.columns import missing_text, record_of
from stages.raw_web_text.files import SourceFile, UnreadableError, one_line, opened
from stages.raw_web_text.schema import Record
from stages.raw_web_text.settings import Columns, RawWebText, Source

# Rows and bytes that are read at a time. The size in the file says little, because a repeated value is stored once:
# 1,000 equal pages of 4.9 MB in a file of 7 kB took 7.4 GB in batches of 500 rows, and 1.0 GB in batches of 8.
BATCH_ROWS, BATCH_BYTES = 8, 16_000_000
# Bytes that are read at a time of each stored column. Without a bound, pyarrow holds a whole stored row group: 470 MB
# instead of 90 MB for 160,000 texts in one row group.
BUFFER_BYTES = 4_000_000


def read_parquet(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """One record per row, read batch by batch. Raises UnreadableError if there is no table."""
    with opened(file, settings.max_expansion) as stored, _seekable(stored) as table, _parquet_errors(file.name):
        if not table.read(1):
            raise UnreadableError("empty_file", f"{file.name} has no bytes")
        table.seek(0)
        parquet = pq.ParquetFile(table, pre_buffer=False, buffer_size=BUFFER_BYTES)
        wanted = _wanted(parquet.schema_arrow.names, source.columns)
        for number, record in enumerate(_records(parquet, wanted, source.columns, file.name)):
            yield {**record, "record": number}


def _records(parquet: pq.ParquetFile, wanted: list[str], columns: Columns, name: str) -> Iterator[Record]:
    """The records of all row groups. One that breaks off costs the rows that are left of it, each of them a record."""
    size = _batch_rows(parquet.metadata)
    for group in range(parquet.num_row_groups):
        left = parquet.metadata.row_group(group).num_rows
        try:
            for batch in parquet.iter_batches(size, row_groups=[group], columns=wanted):
                yield from _of_batch(batch, columns)
                left -= batch.num_rows
        except (OSError, pa.ArrowException) as error:
            if getattr(error, "errno", None) is not None:
                raise
            value = f"row group {group} of {name} is broken: {one_line(error)}"
            yield from ({"reason": "unreadable_record", "value": value} for _ in range(left))


def _of_batch(batch: pa.RecordBatch, columns: Columns) -> list[Record]:
    try:
        return [record_of(values, columns) for values in batch.to_pylist()]
    except UnicodeDecodeError:
        return [_record(batch.slice(row, 1), columns) for row in range(batch.num_rows)]


def _record(row: pa.RecordBatch, columns: Columns) -> Record:
    """The record of a row. A column other than the text that is not UTF-8 is left out."""
    values = {name: _value(row.column(name)[0]) for name in row.schema.names}
    if isinstance(values.get(columns.text), UnicodeDecodeError):
        return {"reason": "invalid_utf8", "value": f"`{columns.text}` is not UTF-8: {values[columns.text]}"}
    return record_of({name: None if isinstance(value, Exception) else value for name, value in values.items()}, columns)


def _value(value: pa.Scalar) -> object:
    try:
        return value.as_py()
    except UnicodeDecodeError as error:
        return error


def _batch_rows(metadata: pq.FileMetaData) -> int:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    row_bytes = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return max(min(BATCH_ROWS, int(BATCH_BYTES / max(row_bytes, 1))), 1)


@contextmanager
def _seekable(stored: io.BufferedReader) -> Iterator[IO[bytes]]:
    """A compressed file is first decompressed to the disk, because Parquet is read from its end."""
    if stored.seekable():
        yield stored
        return
    with tempfile.TemporaryFile() as decompressed:
        shutil.copyfileobj(stored, decompressed, 1 << 20)
        decompressed.seek(0)
        yield decompressed


@contextmanager
def _parquet_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise UnreadableError("unreadable_file", f"{name} is not Parquet, or is broken: {one_line(error)}") from None


def _wanted(names: list[str], columns: Columns) -> list[str]:
    if columns.text not in names:
        raise UnreadableError("missing_column", missing_text(columns, names))
    return [name for name in dict.fromkeys(columns.model_dump().values()) if name in names]
