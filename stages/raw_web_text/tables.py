"""Records of lines of JSON and of Parquet."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from stages.raw_web_text.files import COMPRESSED, SourceFile, UnreadableError, one_line, opened
from stages.raw_web_text.settings import Columns, RawWebText, Source

KEPT_BYTES = 2000  # of a line that is dropped: what a drop shows of it
# Rows and bytes of Parquet read at a time. What is written in it many times stands there once, so that its size tells
# little: 1,000 pages of 4.9 MB, all alike, took 7.4 GB in batches of 500, out of a file of 7 kB; in batches of 8, 1.0.
BATCH_ROWS, BATCH_BYTES = 8, 16_000_000
# Of each column, read of the stored file at a time. Else pyarrow holds a whole row group as it is stored: 160,000 texts
# in one took 470 MB, and so take 90.
BUFFER_BYTES = 4_000_000
Record = dict[str, Any]


def read_lines(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """One record a line of JSON; blank lines are none."""
    seen = False
    with opened(file, settings.max_expansion) as bytes_:
        for number, line in enumerate(_bounded_lines(bytes_, settings.max_line_bytes)):
            if len(line) > settings.max_line_bytes:
                met = f"more than {settings.max_line_bytes} bytes"
                yield {"record": number, "body": line[:KEPT_BYTES], "problem": "line_too_long", "met": met}
            elif line.strip():
                yield {**_parsed(line, source.columns), "record": number}
            seen = seen or bool(line.strip())
    if not seen:
        raise UnreadableError("empty_file", "no line")


def _bounded_lines(bytes_: BinaryIO, most: int) -> Iterator[bytes]:
    """Lines; of one longer than `most`, its first `most` + 1 bytes."""
    while line := bytes_.readline(most + 1):
        yield line
        rest = line
        while len(rest) > most and not rest.endswith(b"\n"):
            rest = bytes_.readline(most + 1)


def _parsed(line: bytes, columns: Columns) -> Record:
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return {"body": line, "problem": "invalid_utf8", "met": f"byte {error.start} of the line is not UTF-8"}
    except (ValueError, RecursionError) as error:
        return {"body": line, "problem": "unreadable_record", "met": f"not JSON: {error}"}
    if not isinstance(values, dict):
        return {"body": line, "problem": "unreadable_record", "met": "not a JSON object"}
    return record_of(values, columns)


def record_of(values: dict[str, Any], columns: Columns) -> Record:
    """A row's page and provenance, or why it has none."""
    named = {
        "url": columns.url,
        "title": columns.title,
        "date": columns.date,
        "license": columns.license,
        "source_id": columns.id,
    }
    found = {name: _plain(values[column]) for name, column in named.items() if values.get(column) is not None}
    body = values.get(columns.text)
    if isinstance(body, str):
        return {**found, "body": body.encode("utf-8", "surrogatepass"), "encoding": "utf-8"}
    if isinstance(body, bytes):
        return {**found, "body": body}
    if body is None:
        problem = "unreadable_record" if columns.text in values else "missing_column"
        return {**found, "problem": problem, "met": f"no `{columns.text}`"}
    return {**found, "problem": "unreadable_record", "met": f"`{columns.text}` is {type(body).__name__}"}


def _plain(value: Any) -> str:
    """A value of any kind as text that can be stored: a lone surrogate of JSON cannot."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def read_table(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """One record a row of Parquet, read batch by batch. Raises UnreadableError."""
    number = 0
    with opened(file, settings.max_expansion) as bytes_, _seekable(file, bytes_) as table, _parquet_errors():
        if not table.read(1):
            raise UnreadableError("empty_file", "no bytes")
        table.seek(0)
        parquet = pq.ParquetFile(table, pre_buffer=False, buffer_size=BUFFER_BYTES)
        wanted = _wanted(parquet.schema_arrow.names, source.columns)
        for batch in parquet.iter_batches(_batch_rows(parquet.metadata), columns=wanted):
            for values in batch.to_pylist():
                yield {**record_of(values, source.columns), "record": number}
                number += 1


def _batch_rows(metadata: pq.FileMetaData) -> int:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    row_bytes = max((one.total_byte_size / max(one.num_rows, 1) for one in groups), default=0)
    return max(min(BATCH_ROWS, int(BATCH_BYTES / max(row_bytes, 1))), 1)


@contextmanager
def _seekable(file: SourceFile, bytes_: BinaryIO) -> Iterator[BinaryIO]:
    """Parquet is read from its end, so a compressed file of it is unpacked on the disk first."""
    if not file.path.lower().endswith(COMPRESSED):
        yield bytes_
        return
    with tempfile.TemporaryFile() as unpacked:
        shutil.copyfileobj(bytes_, unpacked, 1 << 20)
        unpacked.seek(0)
        yield unpacked


@contextmanager
def _parquet_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise UnreadableError("unreadable_file", f"not Parquet, or broken: {one_line(error)}") from None


def _wanted(names: list[str], columns: Columns) -> list[str]:
    if columns.text not in names:
        raise UnreadableError("missing_column", absent(columns, names))
    return [one for one in dict.fromkeys(columns.model_dump().values()) if one in names]


def absent(columns: Columns, names: list[str]) -> str:
    return f"no column `{columns.text}` but {', '.join(names)}: mend `columns` of the source"
