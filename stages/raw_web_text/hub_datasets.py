"""Reads datasets in the layout of the Hugging Face hub: a local folder, or a hub id pinned to a commit.

No code of a dataset is run. The library `datasets` finds the files of a config and split. If all of them are Parquet,
`read_parquet` reads them, because `datasets` keeps a whole decoded row group in memory: for 160,000 texts (800 MB),
`datasets` took 2.1 GB and `read_parquet` 0.1 GB. Otherwise `datasets` reads all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import fsspec  # type: ignore[import-untyped]

from stages.raw_web_text.columns import missing_text, record_of
from stages.raw_web_text.files import SourceFile, one_line
from stages.raw_web_text.hosts import refuse_private_hosts
from stages.raw_web_text.local_files import allowed_places, leads_within, refuse_outside
from stages.raw_web_text.opened_files import UnreadableError
from stages.raw_web_text.parquet_files import read_parquet
from stages.raw_web_text.schema import Record
from stages.raw_web_text.settings import RawWebText, Source
from x_instruction.runner.errors import InputError

PARQUET = ".parquet"
Result = TypeVar("Result")


def read_dataset(source: Source, language: str, settings: RawWebText, root: Path) -> Iterator[Record]:
    """Yields one record for each row, and one record for each Parquet file that is broken or has no text column.

    A dataset in another format gives a single record if its stated columns lack the text column. Raises InputError if
    the dataset must not be read or cannot be opened, if a hub id has no revision, and if a dataset in another format
    cannot be read to its end.
    """
    path = source.path.replace("{language}", language)
    folder = root / path
    if not folder.is_dir() and not source.revision:
        raise InputError(f"source {path} is not a folder; for a hub id, set `revision` to the commit")
    config = source.config.replace("{language}", language) if source.config else None
    name = "/".join(part for part in (path, config, source.split) if part)
    where = {"path": str(folder)} if folder.is_dir() else {"path": path, "revision": source.revision}
    if folder.is_dir() and not source.outside:
        refuse_outside(path, folder, root)
    builder = _called(name, lambda: _builder({**where, "name": config}))
    files = [str(file) for file in (builder.config.data_files or {}).get(source.split, [])]
    if not source.outside:
        _refuse_elsewhere(files, name, allowed_places(folder, root))
    of_parquet = files and all(file.endswith(PARQUET) for file in files)
    records = _of_files(files, source, settings) if of_parquet else _streamed(builder, source, name)
    for number, record in enumerate(records):
        yield {**record, "source": name, "record": number}


def _called(name: str, call: Callable[[], Result]) -> Result:
    """The result of a call of `datasets`.

    Raises InputError for any error, because the errors of `datasets` have no class in common.
    """
    try:
        return call()
    except Exception as error:
        cause = f"{type(error).__name__}: {one_line(error)}"
        raise InputError(
            f"source {name} cannot be read as a data set ({cause}): correct the data set or its entry"
        ) from None


def _builder(where: dict[str, Any]) -> Any:
    from datasets import load_dataset_builder  # this import takes 2 s

    return load_dataset_builder(**where)


def _refuse_elsewhere(files: list[str], name: str, allowed: tuple[Path, ...]) -> None:
    """Raises InputError if a file is outside the `allowed` folders, or at an address of this machine or its network.

    A data card or a link can lead to such a file.
    """
    for file in files:
        refuse_private_hosts(file, name)
        if "://" not in file and not leads_within(file, allowed):
            raise InputError(
                f"source {name} leads to {file}, outside its folder: set `outside: true` if that is intended"
            )


def _of_files(files: list[str], source: Source, settings: RawWebText) -> Iterator[Record]:
    for file in files:
        system, path = _called(file, partial(fsspec.core.url_to_fs, file))
        try:
            yield from read_parquet(SourceFile(system, path, file, "parquet"), source, settings)
        except UnreadableError as error:
            yield error.record


def _streamed(builder: Any, source: Source, name: str) -> Iterator[Record]:
    rows = _called(name, lambda: builder.as_streaming_dataset(split=source.split))
    if rows.column_names and source.columns.text not in rows.column_names:
        yield {"reason": "missing_column", "value": missing_text(source.columns, rows.column_names)}
        return
    remaining = iter(rows)
    while (values := _called(name, lambda: next(remaining, None))) is not None:
        yield record_of(values, source.columns)
