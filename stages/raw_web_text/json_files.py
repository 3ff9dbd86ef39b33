"""Reads JSON Lines, and files that are one JSON array of objects, as records."""

from __future__ import annotations

import codecs
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

SHOWN_BYTES = 2000  # what is kept of a line that is too long (bytes) or of a bad element of an array (characters)
ARRAY = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*[{\]]")
BETWEEN = re.compile(r"[\s,]*")
WINDOW = 1 << 20  # characters
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # the byte order marks with which a UTF-16 file begins
UTF_16_BLANKS = b"\0 \t\r\n"
# U+DC80 to U+DCFF in UTF-8. Such a character stands for a byte that is not UTF-8.
ESCAPED_BYTE = re.compile(rb"\xed[\xb2\xb3][\x80-\xbf]")
MAX_DIGITS = 4300  # Python does not turn more digits into a number


def _number(digits: str) -> int | str:
    return digits if len(digits) > MAX_DIGITS else int(digits)


DECODER = json.JSONDecoder(parse_int=_number)


def read_json(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """One record per line, or per element if the file is an array.

    Raises UnreadableError if there are no records or if a part of the file could not be read.
    """
    any_record = False
    with opened(file, settings.max_expansion, lines=True) as stored:
        read = _elements if ARRAY.match(stored.peek(WINDOW)) else _lines
        for record in read(stored, file.name, source.columns, settings.max_line_bytes):
            any_record = True
            yield record
    if not any_record:
        raise UnreadableError("empty_file", f"{file.name} has no record")


def _lines(stored: io.BufferedReader, name: str, columns: Columns, limit: int) -> Iterator[Record]:
    """Records of the lines; a blank line has none. Each line of a UTF-16 file is dropped."""
    utf_16 = stored.peek(WINDOW).startswith(UTF_16)
    for number, line in enumerate(_bounded_lines(stored, limit)):
        if len(line) > limit:
            value = f"a line of {name} has more than {limit} bytes"
            yield {"record": number, "body": line[:SHOWN_BYTES], "reason": "record_too_long", "value": value}
        elif line.strip(UTF_16_BLANKS if utf_16 else None):
            place = f"line {number + 1} of {name}"
            record = _not_utf8(line, f"{name} is UTF-16") if utf_16 else _parsed(line, place, columns)
            yield {**record, "record": number, "size": len(line)}


def _bounded_lines(stored: io.BufferedReader, limit: int) -> Iterator[bytes]:
    """The lines; a line longer than `limit` bytes is cut to its first `limit` + 1 bytes."""
    while line := stored.readline(limit + 1):
        yield line
        rest = line
        while len(rest) > limit and not rest.endswith(b"\n"):
            rest = stored.readline(limit + 1)


def _parsed(line: bytes, place: str, columns: Columns) -> Record:
    """The record of a line. `place` is the number of the line and the name of its file, for the message."""
    try:
        values = DECODER.decode(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return _not_utf8(line, f"byte {error.start} in {place} is not UTF-8")
    except json.JSONDecodeError as error:  # its whole message names line 1, because each line is parsed on its own
        value = f"{place} is not JSON: {error.msg} at character {error.pos}"
        return {"body": line, "reason": "unreadable_record", "value": value}
    except RecursionError as error:
        return {"body": line, "reason": "unreadable_record", "value": f"{place} is not JSON: {error}"}
    return _record(values, line, columns)


def _not_utf8(shown: bytes, problem: str) -> Record:
    return {"body": shown, "reason": "invalid_utf8", "value": f"{problem}: save the file as UTF-8"}


def _record(values: Any, shown: bytes, columns: Columns) -> Record:
    if isinstance(values, dict):
        return record_of(values, columns)
    value = f"a JSON object was expected, not {type(values).__name__}"
    return {"body": shown, "reason": "unreadable_record", "value": value}


def _elements(stored: io.BufferedReader, name: str, columns: Columns, limit: int) -> Iterator[Record]:
    """Records of the elements of an array."""
    # A byte that is not UTF-8 becomes a lone surrogate. So at most the record with that byte is dropped, and not the
    # rest of the file.
    array = _Array(io.TextIOWrapper(stored, "utf-8-sig", errors="surrogateescape"), name, limit)
    for number, (values, shown) in enumerate(array):
        body = shown.encode("utf-8", "replace")
        record = values.record if isinstance(values, UnreadableError) else _record(values, body, columns)
        if "reason" not in record and ESCAPED_BYTE.search(record["body"]):
            record = _not_utf8(body, f"element {number} of {name} has a byte that is not UTF-8")
        yield {"body": body, **record, "record": number}


class _Array:
    """Yields (element, its first characters), with an UnreadableError in place of an element that cannot be read.

    After such an element, reading continues at the next element that begins a line and is indented like earlier
    elements. If elements do not begin new lines, the rest of the file is unreadable, because "}, {" may also be inside
    an element. The standard decoder reads from a window that has room for an element of `limit` characters. The library
    ijson is not used: with it, three million open brackets exhaust the memory, and reading ends at an integer beyond 64
    bits.
    """

    def __init__(self, text: io.TextIOWrapper, name: str, limit: int) -> None:
        self._text, self._name, self._limit = text, name, limit
        self._window, self._place, self._number = text.read(WINDOW), 0, 0
        self._line_start = ""  # the line end and blanks before the last element that began a line

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        self._place = self._window.index("[") + 1
        while not self._at_end():
            try:
                values, end = DECODER.raw_decode(self._window, self._place)
            except (ValueError, RecursionError) as error:
                if isinstance(error, ValueError) and self._read_more():
                    continue
                yield self._passed_over(error)
            else:
                yield values, self._shown(end)
                self._place = end
            self._number += 1
        if (self._window[self._place + 1 :] + self._text.read(WINDOW)).strip():
            value = f"{self._name} continues after the end of its array: give a single array or JSON Lines"
            raise UnreadableError("broken_file", value, len(self._window) - self._place)

    def _at_end(self) -> bool:
        between = BETWEEN.match(self._window, self._place)
        assert between
        self._line_start = between[0][between[0].rfind("\n") :] if "\n" in between[0] else self._line_start
        self._place = between.end()
        return self._window.startswith("]", self._place)

    def _read_more(self) -> bool:
        """Reads on, unless more than `limit` characters of the element were read. Returns whether it read anything."""
        size = len(self._window) - self._place
        more = self._text.read(max(WINDOW, size)) if size <= self._limit else ""
        if more:
            self._window, self._place = self._window[self._place :] + more, 0
        return bool(more)

    def _passed_over(self, error: Exception) -> tuple[UnreadableError, str]:
        """Goes to the element after an unreadable one. Raises UnreadableError if it cannot find one.

        Returns the error and the first characters of the unreadable element.
        """
        too_long = isinstance(error, ValueError) and len(self._window) - self._place > self._limit
        cause = f"has more than {self._limit} characters" if too_long else f"is not JSON: {error}"
        value, shown = f"element {self._number} of {self._name} {cause}", self._shown(len(self._window))
        following = re.compile(rf"\}}[ \t]*,[ \t\r]*{re.escape(self._line_start)}\{{") if self._line_start else None
        match = following.search(self._window, self._place + 1) if following else None
        if not match:
            reason = "record_too_long" if too_long else "broken_file"
            raise UnreadableError(reason, value, len(self._window) - self._place) from None
        self._window, self._place = self._window[match.end() - 1 :], 0
        return UnreadableError("unreadable_record", value), shown

    def _shown(self, end: int) -> str:
        return self._window[self._place : min(end, self._place + SHOWN_BYTES)]
