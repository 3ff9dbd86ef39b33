"""Finds the rows with an id in all artifacts from the page to the release, through the index of their language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from stages.row_index.index_files import FILES, Place, RowIndex, contents_now, is_id
from x_instruction.runner.errors import InputError
from x_instruction.runner.published import refuse_damaged
from x_instruction.runner.shards import DROPS

INDEX = Path("data", "row_index")
SEEDS = "seeds cannot be explained: their dropped rows are in data/seed_pairs/<language>/__drops__"


@dataclass(frozen=True)
class Row:
    """A row of an artifact; `iteration` is empty except in rated_pairs."""

    artifact: str
    iteration: str
    dropped: bool
    place: Place
    values: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.values["id"])


@dataclass(frozen=True)
class Rows:
    """Reads rows by id.

    Reading one row of a shard of 100,000 rows takes 20 ms, because polars skips the other row groups.
    """

    root: Path
    language: str
    index: RowIndex

    def of(self, row_id: str) -> list[Row]:
        """The rows of an id, in the order of the pipeline."""
        return [self.at(place) for place in self.index.places(row_id)]

    def at(self, place: Place) -> Row:
        values = pl.scan_parquet(self.root / place.file).slice(place.row, 1).collect().row(0, named=True)
        parts = PurePosixPath(place.file).parts
        iteration = parts[2] if parts[1] == "rated_pairs" else ""
        return Row(parts[1], iteration, DROPS in parts, place, values)


def rows_of(root: Path, language: str) -> Rows:
    """The Rows of a language. Raises InputError if its index is missing or was made from other data."""
    folder = root / INDEX / language
    if not (folder / FILES).exists():
        raise InputError(f"{INDEX / language} does not exist: run `dvc repro row_index@{language}`")
    index = RowIndex(folder)
    now = contents_now(root, index.contents)
    changed = sorted(name for name, content in index.contents.items() if now[name] != content)
    if changed:
        raise InputError(
            f"{INDEX / language} was made before {changed[0]} changed: run `dvc repro row_index@{language}`, or "
            "`dvc checkout` to restore the data from which it was made"
        )
    return Rows(root, language, index)


def find(root: Path, languages: Sequence[str], row_id: str) -> Rows:
    """The Rows of the language whose index has the id.

    Raises InputError if `row_id` cannot be an id, if no index has it, or if the index was made from other data, and
    DamagedError if a file of an index has changed since it was written.
    """
    if not is_id(row_id):
        raise InputError(f"{row_id!r} is not an id: an id of a document, text or pair has 16 digits of 0-9 and a-f")
    made = [code for code in languages if (root / INDEX / code / FILES).exists()]
    if not made:
        raise InputError(f"{INDEX} has no index of any language: run `make run` or `dvc repro row_index` first")
    for code in made:
        refuse_damaged(root / INDEX / code)  # XXH3 reads 6 GB a second, and an index of a million documents has 0.16 GB
        if RowIndex(root / INDEX / code).places(row_id):
            return rows_of(root, code)
    missing = [code for code in languages if code not in made]
    unknown = (
        f"{', '.join(missing)} cannot be searched without an index: run `dvc repro row_index`; " if missing else ""
    )
    raise InputError(f"no document, text or pair of {', '.join(made)} has the id {row_id}; {unknown}{SEEDS}")
