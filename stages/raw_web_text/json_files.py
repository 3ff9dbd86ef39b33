"""Reads JSON Lines, and files that are one JSON array of objects, as records."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

from stages.raw_web_text.columns import record_of
from stages.raw_web_text.files import SourceFile
from stages.raw_web_text.opened_files import UnreadableError, opened
from stages.raw_web_text.schema import Record
from stages.raw_web_text.settings import Columns, RawWebText, Source

SHOWN_BYTES = 2000  # of the line, shown in its drop
ARRAY = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*[{\]]")
BETWEEN = re.compile(r"[\s,]*")
WINDOW = 1 << 20  # characters
MAX_DIGITS = 4300  # that Python turns into a number


def _number(digits: str) -> int | str:
    return digits if len(digits) > MAX_DIGITS else int(digits)


DECODER = json.JSONDecoder(parse_int=_number)


def read_json(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """One record per line, or per element if the file is an array. Raises UnreadableError if there are no records."""
    found = False
    with opened(file, settings.max_expansion, lines=True) as stored:
        read = _elements if ARRAY.match(stored.peek(WINDOW)) else _lines
        for record in read(stored, file.name, source.columns, settings.max_line_bytes):
            found = True
            yield record
    if not found:
        raise UnreadableError("empty_file", f"{file.name} has no record")


def _lines(stored: io.BufferedReader, name: str, columns: Columns, limit: int) -> Iterator[Record]:
    """Records of the lines; a blank line has none."""
    for number, line in enumerate(_bounded_lines(stored, limit)):
        if len(line) > limit:
            value = f"a line of {name} has more than {limit} bytes"
            yield {"record": number, "body": line[:SHOWN_BYTES], "reason": "record_too_long", "value": value}
        elif line.strip():
            yield {**_parsed(line, columns), "record": number}


def _bounded_lines(stored: io.BufferedReader, limit: int) -> Iterator[bytes]:
    """The lines; a line longer than `limit` bytes is cut to its first `limit` + 1 bytes."""
    while line := stored.readline(limit + 1):
        yield line
        rest = line
        while len(rest) > limit and not rest.endswith(b"\n"):
            rest = stored.readline(limit + 1)


def _parsed(line: bytes, columns: Columns) -> Record:
    try:
        values = DECODER.decode(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return {"body": line, "reason": "invalid_utf8", "value": f"byte {error.start} of the line is not UTF-8"}
    except (ValueError, RecursionError) as error:
        return {"body": line, "reason": "unreadable_record", "value": f"not JSON: {error}"}
    return _record(values, line, columns)


def _record(values: Any, shown: bytes, columns: Columns) -> Record:
    if isinstance(values, dict):
        return record_of(values, columns)
    value = f"a JSON object was expected, not {type(values).__name__}"
    return {"body": shown, "reason": "unreadable_record", "value": value}


def _elements(stored: io.BufferedReader, name: str, columns: Columns, limit: int) -> Iterator[Record]:
    """Records of the elements of an array."""
    # A byte that is not UTF-8 becomes a lone surrogate, and only its record is dropped.
    text = io.TextIOWrapper(stored, "utf-8-sig", errors="surrogateescape")
    for number, (values, shown) in enumerate(_decoded(text, name, limit)):
        yield {**_record(values, shown.encode("utf-8", "replace"), columns), "record": number}


def _decoded(text: io.TextIOWrapper, name: str, limit: int) -> Iterator[tuple[Any, str]]:
    """Elements and their first characters. An element that cannot be read makes the rest of the file unreadable.

    The standard decoder reads from a window that has room for an element of `limit` characters. ijson is not used:
    three million open brackets exhaust the memory, and an integer beyond 64 bits ends the file.
    """
    window, number = text.read(WINDOW), 0
    place = window.index("[") + 1
    while not window.startswith("]", place := BETWEEN.match(window, place).end()):  # type: ignore[union-attr]
        try:
            values, end = DECODER.raw_decode(window, place)
        except (ValueError, RecursionError) as error:
            size = len(window) - place
            if size > limit:
                value = f"element {number} of {name} has more than {limit} characters"
                raise UnreadableError("record_too_long", value) from None
            more = text.read(max(WINDOW, size)) if isinstance(error, ValueError) else ""
            if not more:
                raise UnreadableError("broken_file", f"element {number} of {name} is not JSON: {error}") from None
            window, place = window[place:] + more, 0
        else:
            yield values, window[place : min(end, place + SHOWN_BYTES)]
            place, number = end, number + 1
    if (window[place + 1 :] + text.read(WINDOW)).strip():
        raise UnreadableError(
            "broken_file", f"{name} continues after the end of its array: give a single array or JSON Lines"
        )
