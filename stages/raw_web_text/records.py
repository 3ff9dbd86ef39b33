"""Records of a language's sources, as found, in slices small enough to hold.

A source is `<folder>/<language><suffix>`: a folder of .html/.htm files, or a .jsonl (also .gz, .zst) or
.parquet file whose `text_column` holds the page.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]

from stages.errors import InputError
from stages.settings import RawWebText, Source

PROVENANCE = ("url", "title", "date", "license")
# `body`: the page's bytes (null: there is none); `encoding`: theirs where known, whatever the page declares;
# `problem` and `met`: why the record could not be read.
RECORD_SCHEMA = {
    "body": pl.Binary,
    "encoding": pl.String,
    "content": pl.String,
    "source": pl.String,
    "record": pl.Int64,
    **dict.fromkeys(PROVENANCE, pl.String),
    "problem": pl.String,
    "met": pl.String,
}
PAGE_SUFFIXES = (".html", ".htm")
# A slice ends at this many bytes of pages even before its rows are full: pages differ a thousandfold in size.
SLICE_BYTES = 256_000_000
Record = dict[str, Any]


def read_sources(settings: RawWebText, language: str, root: Path) -> Iterator[pl.DataFrame]:
    """Frames of RECORD_SCHEMA over all sources of a language. Raises InputError for a source not usable."""
    return in_frames(
        (record for source in settings.sources for record in read_source(source, language, settings, root)),
        settings.rows_per_shard,
    )


def read_source(source: Source, language: str, settings: RawWebText, root: Path) -> Iterator[Record]:
    name = f"{source.folder.rstrip('/')}/{language}{source.suffix}"
    path = root / name
    if path.is_dir():
        records = _pages(path, name, settings.max_page_bytes)
    elif not path.is_file():
        raise InputError(f"source {name} does not exist: put the {language} pages there or mend raw_web_text.sources")
    elif name.endswith(".parquet"):
        records = _rows(path, name, source.text_column)
    elif name.endswith((".jsonl", ".jsonl.gz", ".jsonl.zst")):
        records = _lines(path, name, source.text_column)
    else:
        raise InputError(f"source {name} is neither a folder of pages nor .jsonl, .jsonl.gz, .jsonl.zst or .parquet")
    return ({"content": source.content, **record} for record in records)


def in_frames(records: Iterable[Record], rows: int, size: int = SLICE_BYTES) -> Iterator[pl.DataFrame]:
    """Frames of at most `rows` records, ended early where the pages reach `size` bytes."""
    held: list[Record] = []
    held_bytes = 0
    for record in records:
        held.append(record)
        held_bytes += len(record.get("body") or b"")
        if len(held) == rows or held_bytes >= size:
            yield _let_go(held)
            held_bytes = 0
    if held:
        yield _let_go(held)


def _let_go(held: list[Record]) -> pl.DataFrame:
    """The frame of the records, which are not held beside it while it is worked on."""
    frame = pl.DataFrame(held, schema=RECORD_SCHEMA, orient="row")
    held.clear()
    return frame


def _pages(folder: Path, name: str, max_bytes: int) -> Iterator[Record]:
    """One record a page file. A page over `max_bytes` is read one byte past it: enough to refuse it."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PAGE_SUFFIXES and path.is_file())
    if not paths:
        raise InputError(f"source {name} holds no .html or .htm file: put pages there or mend raw_web_text.sources")
    for path in paths:
        with path.open("rb") as file:
            body = file.read(max_bytes + 1)
        yield {"body": body, "source": f"{name}/{path.relative_to(folder).as_posix()}", "record": 0}


def _lines(path: Path, name: str, column: str) -> Iterator[Record]:
    """One record a line of JSON. Raises InputError when the file breaks off or no line has the column."""
    readable = seen = 0
    try:
        with _opened(path) as file:
            for number, line in enumerate(file):
                if line.strip():
                    record = _parsed(line, column)
                    seen += 1
                    readable += record.get("met") != f"no `{column}`"
                    yield {**record, "source": name, "record": number}
    except (OSError, EOFError) as error:
        raise InputError(f"source {name} breaks off ({' '.join(str(error).split())}): copy it anew") from None
    if seen and not readable:
        raise InputError(f"source {name} has no line with `{column}`: mend text_column in raw_web_text.sources")


def _opened(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.suffix == ".zst":
        return cast(BinaryIO, io.BufferedReader(pa.input_stream(str(path), compression="zstd"), 1 << 20))
    return path.open("rb")


def _parsed(line: bytes, column: str) -> Record:
    try:
        values = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return {"body": line, "problem": "invalid_utf8", "met": f"byte {error.start} of the line is not UTF-8"}
    except (ValueError, RecursionError) as error:
        return {"body": line, "problem": "unreadable_record", "met": f"not JSON: {error}"}
    if not isinstance(values, dict):
        return {"body": line, "problem": "unreadable_record", "met": "not a JSON object"}
    return _record(values, column)


def _record(values: dict[str, Any], column: str) -> Record:
    found = {name: str(values[name]) for name in PROVENANCE if values.get(name) is not None}
    body = values.get(column)
    if isinstance(body, str):
        return {**found, "body": body.encode("utf-8", "surrogatepass"), "encoding": "utf-8"}
    if isinstance(body, bytes):
        return {**found, "body": body}
    met = f"no `{column}`" if body is None else f"`{column}` is {type(body).__name__}"
    return {**found, "problem": "unreadable_record", "met": met}


def _rows(path: Path, name: str, column: str) -> Iterator[Record]:
    try:
        table = pl.scan_parquet(path)
        names = table.collect_schema().names()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"source {name} is not readable Parquet ({str(error).splitlines()[0]}): copy it anew"
        ) from None
    if column not in names:
        raise InputError(
            f"source {name} has no column `{column}` but {', '.join(names)}: mend text_column in raw_web_text.sources"
        )
    wanted = [one for one in (column, *PROVENANCE) if one in names]
    number = 0
    for batch in table.select(wanted).collect_batches(maintain_order=True, chunk_size=1000):
        for values in batch.iter_rows(named=True):
            yield {**_record(values, column), "source": name, "record": number}
            number += 1
