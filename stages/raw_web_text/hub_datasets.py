"""Reads datasets in the layout of the Hugging Face hub: a local folder, or a hub id pinned to a commit.

No code of a dataset is run. `datasets` finds the files of a config and split, and reads those that are not Parquet.
Parquet is read by `read_parquet`, because `datasets` holds a whole decoded row group: 2.1 GB instead of 0.1 GB for
160,000 texts of 800 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
import pyarrow as pa  # type: ignore[import-untyped]

from stages.raw_web_text.columns import missing_text, record_of
from stages.raw_web_text.files import SourceFile, UnreadableError, one_line
from stages.raw_web_text.parquet_files import read_parquet
from stages.raw_web_text.schema import Record
from stages.raw_web_text.settings import RawWebText, Source
from x_instruction.runner.errors import InputError

PARQUET = ".parquet"


def read_dataset(source: Source, language: str, settings: RawWebText, root: Path) -> Iterator[Record]:
    """One record per row, streamed. Raises InputError if the dataset cannot be opened or read."""
    path = source.path.replace("{language}", language)
    folder = root / path
    if not folder.is_dir() and not source.revision:
        raise InputError(f"source {path} is not a folder; for a hub id, set `revision` to the commit")
    config = source.config.replace("{language}", language) if source.config else None
    name = "/".join(part for part in (path, config, source.split) if part)
    where = {"path": str(folder)} if folder.is_dir() else {"path": path, "revision": source.revision}
    number = 0
    try:
        for record in _records({**where, "name": config}, source, settings):
            yield {**record, "source": name, "record": number}
            number += 1
    except UnreadableError as error:
        if error.reason != "missing_column":
            raise _refused(name, error) from None
        yield {"source": name, "record": number, "reason": error.reason, "value": str(error)}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _refused(name, error) from None


def _refused(name: str, error: Exception) -> InputError:
    return InputError(f"source {name} cannot be read as a dataset ({one_line(error)}): correct it or its line")


def _records(where: dict[str, Any], source: Source, settings: RawWebText) -> Iterator[Record]:
    from datasets import load_dataset_builder  # takes 2 s, only for those who use it

    builder = load_dataset_builder(**where)
    files = [str(file) for file in (builder.config.data_files or {}).get(source.split, [])]
    if files and all(file.endswith(PARQUET) for file in files):
        for file in files:
            system, path = fsspec.core.url_to_fs(file)
            yield from read_parquet(SourceFile(system, path, file, "parquet"), source, settings)
        return
    rows = builder.as_streaming_dataset(split=source.split)
    if rows.column_names and source.columns.text not in rows.column_names:
        raise UnreadableError("missing_column", missing_text(source.columns, rows.column_names))
    for values in rows:
        yield record_of(values, source.columns)
