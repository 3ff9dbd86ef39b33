"""Reads seeds from JSON lines. A line that is not a seed keeps its number, and the reason why it is not one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]

from x_instruction.runner.errors import InputError

TEXTS = ("instruction", "response")
COLUMNS = (*TEXTS, "translated", "translator", "measure_only")
# A file in which all lines have one of these reasons is probably of another kind.
OF_ANOTHER_KIND = ("not_json", "not_a_pair")
SHOWN = 200  # characters of a cause


@dataclass(frozen=True)
class Line:
    """A line of a file. `values` has all its fields, but only COLUMNS have values.

    If the line is not a seed, `bad_line` is the reason and `cause` says what was found.
    """

    values: dict[str, str | None]
    bad_line: str = ""
    cause: str = ""


def read_lines(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of a file without blank lines, and a frame of their numbers in the file, `bad_line` and `cause`.

    A bad line becomes a row without values. Raises InputError if no line can be used.
    """
    lines = pa.input_stream(str(path), compression="detect").read().split(b"\n")
    read = {number: _line(line) for number, line in enumerate(lines, start=1) if line.strip()}
    if all(line.bad_line in OF_ANOTHER_KIND for line in read.values()):
        first = next(((number, line.cause) for number, line in read.items()), None)
        cause = f"line {first[0]}: {first[1]}" if first else "it is empty"
        raise InputError(f"seed_pairs: {path} has no usable row: {cause}; give JSON Lines in UTF-8")
    names = dict.fromkeys(name for line in read.values() for name in line.values)
    rows = pl.DataFrame([line.values for line in read.values()], schema=dict.fromkeys(names, pl.String))
    found = [(number, line.bad_line, line.cause) for number, line in read.items()]
    return rows, numbered(found)


def numbered(found: list[tuple[int, str, str]]) -> pl.DataFrame:
    """A frame of the number, `bad_line` and `cause` of each row of a file."""
    return pl.DataFrame(found, schema={"number": pl.Int64, "bad_line": pl.String, "cause": pl.String}, orient="row")


def _line(line: bytes) -> Line:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Line({}, "not_json", _parser_message(error))
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str | None) for name in TEXTS):
        return Line({}, "not_a_pair", "an object with the texts `instruction` and `response` was expected")
    stated = {name: _storable(row[name]) for name in COLUMNS if row.get(name) is not None}
    values = dict.fromkeys(map(_storable, row)) | stated
    if missing := [f"`{name}`" for name in TEXTS if name not in row]:
        has = ", ".join(map(_storable, row)) or "no field"
        return Line(values, "missing_field", f"no {' and no '.join(missing)}; the line has {has}"[:SHOWN])
    return Line(values)


def _parser_message(error: Exception) -> str:
    """The message of the parser. "line 1" is left out, because the parser sees only one line of the file."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
    return " ".join(str(error).split())[:SHOWN]


def _storable(value: object) -> str:
    """The value as text, with "?" in place of each lone surrogate, which polars cannot store."""
    return str(value).encode("utf-8", "replace").decode("utf-8")
