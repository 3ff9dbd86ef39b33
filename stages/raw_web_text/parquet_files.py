"""Reads Parquet files as records."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from stages.raw_web_text.columns import missing_text, record_of
from stages.raw_web_text.files import SourceFile, one_line
from stages.raw_web_text.opened_files import UnreadableError, opened
from stages.raw_web_text.schema import Record
from stages.raw_web_text.settings import Columns, RawWebText, Source

# Rows and bytes that are read at a time. The sizes that the file states do not limit the memory, because they count a
# repeated value once. For example, 1,000 equal pages of 4.9 MB, in a file of 7 kB, took 7.4 GB of memory in batches of
# 500 rows. In batches of 8 rows they took 1.0 GB.
BATCH_ROWS, BATCH_BYTES = 8, 16_000_000
# Bytes of each stored column that are read at a time. Without this limit, pyarrow keeps a whole stored row group in
# memory. For 160,000 texts in one row group, that took 470 MB instead of 90 MB.
BUFFER_BYTES = 4_000_000
CHECKED_ROWS = 100  # rows that are read at a time to find out whether a column is broken
OUT_OF_RANGE = "<value out of range"  # what Arrow writes in place of a date that it cannot write


def read_parquet(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """One record per row, read batch by batch.

    Raises UnreadableError if the file has no table that can be read, or the table has no text column.
    """
    with opened(file, settings.max_expansion) as stored, _seekable(stored) as table, _parquet_errors(file.name):
        if not table.read(1):
            raise UnreadableError("empty_file", f"{file.name} has no bytes")
        table.seek(0)
        parquet = pq.ParquetFile(table, pre_buffer=False, buffer_size=BUFFER_BYTES)
        wanted = _wanted(parquet.schema_arrow.names, source.columns)
        for number, record in enumerate(_records(parquet, wanted, source.columns, file.name)):
            yield {**record, "record": number}


def _records(parquet: pq.ParquetFile, wanted: list[str], columns: Columns, name: str) -> Iterator[Record]:
    """The records of all row groups.

    If the text of a row group cannot be read to its end, each of its remaining rows becomes a record with the reason.
    Other broken columns of the group are left out.
    """
    size = _batch_rows(parquet.metadata)
    for group in range(parquet.num_row_groups):
        rows, done, readable = parquet.metadata.row_group(group).num_rows, 0, wanted
        while done < rows:
            try:
                for batch in _batches(parquet, group, readable, size, done):
                    yield from _of_batch(batch, columns)
                    done += batch.num_rows
                break
            except (OSError, pa.ArrowException) as error:
                if getattr(error, "errno", None) is not None:
                    raise
                value = f"row group {group} of {name} is broken: {one_line(error)}"
            unread = [column for column in readable if not _is_readable(parquet, group, column)]
            if not unread or columns.text in unread:
                yield from ({"reason": "unreadable_record", "value": value} for _ in range(rows - done))
                break
            print(f"warning: {value}; its texts are read without {', '.join(unread)}", file=sys.stderr)
            readable = [column for column in readable if column not in unread]


def _batches(
    parquet: pq.ParquetFile, group: int, columns: list[str], size: int, skipped: int
) -> Iterator[pa.RecordBatch]:
    """Batches of the rows of a row group, without its first `skipped` rows."""
    for batch in parquet.iter_batches(size, row_groups=[group], columns=columns):
        left = batch.slice(min(skipped, batch.num_rows)) if skipped else batch
        skipped -= batch.num_rows - left.num_rows
        if left.num_rows:
            yield left


def _is_readable(parquet: pq.ParquetFile, group: int, column: str) -> bool:
    try:
        for _ in parquet.iter_batches(CHECKED_ROWS, row_groups=[group], columns=[column]):
            pass
    except (OSError, pa.ArrowException):
        return False
    return True


def _of_batch(batch: pa.RecordBatch, columns: Columns) -> list[Record]:
    try:
        rows = batch.to_pylist()
    except Exception:  # the errors for bad values have no class in common; dates alone raise four classes
        return [_record(batch.slice(row, 1), columns) for row in range(batch.num_rows)]
    return [record_of(values, columns) for values in rows]


def _record(row: pa.RecordBatch, columns: Columns) -> Record:
    """The record of a row that may have values that Python cannot represent. Only a bad text drops the row."""
    values = {name: _value(row.column(name)[0]) for name in row.schema.names}
    error = values.get(columns.text)
    if isinstance(error, Exception):
        kind = "UTF-8" if isinstance(error, UnicodeDecodeError) else "readable"
        reason = "invalid_utf8" if isinstance(error, UnicodeDecodeError) else "unreadable_record"
        return {"reason": reason, "value": f"`{columns.text}` is not {kind}: {one_line(error)}"}
    plain = {
        name: _as_text(row.column(name)) if isinstance(value, Exception) else value for name, value in values.items()
    }
    return record_of(plain, columns)


def _value(value: pa.Scalar) -> object:
    try:
        return value.as_py()
    except Exception as error:
        return error


def _as_text(column: pa.Array) -> str | None:
    """The text that Arrow writes for a column's only value, such as a date in the year 30828; None if there is none."""
    if pa.types.is_timestamp(column.type):  # its time zone may be unknown on this machine
        column = column.cast(pa.timestamp(column.type.unit))
    try:
        text = column.cast(pa.string())[0].as_py()
    except Exception:
        return None
    return None if text is None or text.startswith(OUT_OF_RANGE) else text


def _batch_rows(metadata: pq.FileMetaData) -> int:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    row_bytes = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return max(min(BATCH_ROWS, int(BATCH_BYTES / max(row_bytes, 1))), 1)


@contextmanager
def _seekable(stored: io.BufferedReader) -> Iterator[IO[bytes]]:
    """Yields the file. A compressed file is first decompressed to the disk, because Parquet is read from its end."""
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
