"""Turns rows of a source into records, by the names of its columns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from stages.raw_web_text.schema import Record
from stages.raw_web_text.settings import Columns, Source


def provenance_columns(columns: Columns) -> dict[str, str]:
    """Name of the source's column for each field of the provenance."""
    return {
        "url": columns.url,
        "title": columns.title,
        "date": columns.date,
        "license": columns.license,
        "source_id": columns.id,
    }


def record_of(values: dict[str, Any], columns: Columns) -> Record:
    """The record of a row: its page and provenance, or the reason why it has no page."""
    named = provenance_columns(columns)
    facts = {name: _stated(name, values[column]) for name, column in named.items() if values.get(column) is not None}
    body = values.get(columns.text)
    if isinstance(body, str):
        return {**facts, "body": body.encode("utf-8", "surrogatepass"), "encoding": "utf-8"}
    if isinstance(body, bytes):
        return {**facts, "body": body}
    if columns.text not in values:
        return {**facts, "reason": "missing_column", "value": missing_text(columns, values)}
    kind = "null" if body is None else type(body).__name__
    return {**facts, "reason": "unreadable_record", "value": f"`{columns.text}` is {kind}, not text"}


def _stated(name: str, value: Any) -> str:
    """A value of the provenance as text, or "" if it is bad, so that a bad value does not drop the row.

    Bad values are an address that is not a string, and what Python cannot write as text, such as a thousand nested
    lists.
    """
    if name == "url" and not isinstance(value, str):
        return ""
    try:
        return plain_text(value)
    except (ValueError, RecursionError):
        return ""


def missing_text(columns: Columns, names: Iterable[str]) -> str:
    """The message for a row or a table that lacks the text column."""
    present = plain_text(", ".join(names))[:300] or "none"
    return f"there is no column `{columns.text}`; the columns are {present}: set `columns: {{text: …}}` of the source"


def plain_text(value: Any) -> str:
    """Any value as text that can be stored. A lone surrogate from JSON cannot be stored, so it is replaced."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


class NamedColumns:
    """Checks whether the rows of a source have the optional columns that the user named."""

    def __init__(self, source: Source) -> None:
        columns = source.columns
        chosen = {"source_id" if name == "id" else name for name in columns.model_fields_set}
        self._missing = {name: column for name, column in provenance_columns(columns).items() if name in chosen}
        self._path, self._rows = source.path, 0

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Passes the records on unchanged and notes which of the columns have a value."""
        for record in records:
            if "body" in record:
                self._rows += 1
                for name in [name for name in self._missing if name in record]:
                    del self._missing[name]
            yield record

    def warn(self) -> None:
        """Prints a warning for each column that has no value in any of the watched rows."""
        for column in self._missing.values() if self._rows else ():
            print(
                f"warning: no row of source {self._path} has a value in the column `{column}`: correct its `columns`",
                file=sys.stderr,
            )
