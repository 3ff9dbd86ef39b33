"""Reads HTML responses of WARC archives and texts of WET archives as records, with fastwarc.

An archive may state a wrong length for a record or be damaged in the middle. The record at which the reader fails is
dropped, and reading continues where the next record starts. In a compressed archive, the next record is found only if
each record is a separate gzip member or zstd frame. The format recommends this, and Common Crawl does it.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator

from fastwarc.stream_io import ChunkedReader, ZstdReader
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from stages.raw_web_text.content_codings import CodingError, decoded
from stages.raw_web_text.files import SourceFile, one_line
from stages.raw_web_text.opened_files import UnreadableError, check_expansion, readable, stored_bytes, stored_size
from stages.raw_web_text.other_records import Others
from stages.raw_web_text.schema import Record
from stages.raw_web_text.settings import RawWebText, Source

HTML_TYPES = ("text/html", "application/xhtml+xml")
WANTED = {"warc": WarcRecordType.response, "wet": WarcRecordType.conversion}
# If a record begins inside the payload of another one, the stated length of the outer record is wrong.
BEGINS = re.compile(rb"\r?\n\r?\nWARC/[01]\.\d\r?\nWARC-")
CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8}[ \t]*(?:;[^\r\n]*)?\r?\n")
GZIP, ZSTD, PLAIN = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"WARC/"
WINDOW, SEAM = 1 << 20, 32  # bytes; windows overlap by SEAM, which is longer than what BEGINS matches


def read_archive(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """Yields a row for each response (WARC) or text (WET), and for each place where the reader fails.

    Records of other kinds are counted, and each of these kinds gives one more row. The field `record` of a row is the
    byte offset of its WARC record in the file. Raises UnreadableError if the file is empty or has only records of other
    kinds.
    """
    with stored_bytes(file) as stored, readable(file):
        kind = _kind(stored, file.name)
        # cc_net writes bare line feeds. The reader needs quirks mode for them, but in that mode it skips what it cannot
        # read, so other archives are read without it.
        bare_feeds = _head(stored, kind, 0, len(b"WARC/1.0\n")).endswith(b"\n")
        start: int | None = 0
        any_record, others = False, Others()
        while start is not None:
            for record in (pass_ := _Pass(stored, start, kind, bare_feeds, file, settings, others)):
                any_record = True
                yield record
            start, before = None, start
            if (broken := pass_.broken) is not None:
                any_record = True
                start = _next_record(stored, kind, broken["record"] + 1)
                end = stored_size(file) if start is None else start
                yield {**broken, "lost": int((end - broken["record"]) * pass_.growth(broken["record"] - before))}
        if not any_record:
            wanted = "HTTP response" if file.format == "warc" else "extracted text"
            raise UnreadableError("unreadable_file", f"{file.name} has no {wanted}", others.size)
        yield from others.records()


def _kind(stored: io.BufferedReader, name: str) -> bytes:
    head = stored.read(5)
    if not head:
        raise UnreadableError("empty_file", f"{name} has no bytes")
    return next((kind for kind in (GZIP, ZSTD) if head.startswith(kind)), PLAIN)


class _Pass:
    """Records from `start` to the end, or to the place where the reader fails.

    If the reader fails, `broken` is a dropped record for that place. Its offset is that of the last record that the
    reader found, or `start` if it found none. If the gzip member at that offset is intact, the offset of the next
    member is used.
    """

    def __init__(
        self,
        stored: io.BufferedReader,
        start: int,
        kind: bytes,
        bare_feeds: bool,
        file: SourceFile,
        settings: RawWebText,
        others: Others,
    ) -> None:
        self._stored, self._start, self._kind, self._bare_feeds = stored, start, kind, bare_feeds
        self._file, self._settings, self._others = file, settings, others
        self.broken: Record | None = None
        self._size = 0

    def growth(self, stored: int) -> float:
        """Decompressed bytes per byte of the first `stored` bytes; 1 for an archive that is not compressed."""
        return max(self._size / stored, 1.0) if stored > 0 and self._kind != PLAIN else 1.0

    def __iter__(self) -> Iterator[Record]:
        self._stored.seek(self._start)
        last, held = None, None  # `held` is yielded when the next header confirms its length
        inside = True
        try:
            for warc in ArchiveIterator(self._stored, quirks_mode=self._bare_feeds, fsspec_args=False):
                if held:
                    yield held
                last, held, inside = warc.stream_pos, None, True
                try:
                    payload = self._payload(warc)
                except UnreadableError as error:
                    self.broken = _broken(last, error.reason, str(error))
                    return
                self._size += max(warc.content_length, 0)
                held, inside = _record(warc, payload, self._file.format, self._settings.max_page_bytes), False
                if held is None:
                    self._others.count(warc)
        except OSError as error:
            if error.errno is not None:
                raise
            place = self._start if last is None else last
            if inside or "header" in str(error).lower():
                held = None
            elif self._kind == GZIP and (end := _member_end(self._stored, place)) is not None:
                place = end
            self.broken = _broken(place, "broken_record", one_line(error))
        if held:
            yield held

    def _payload(self, warc: WarcRecord) -> bytes:
        """A record's payload, but at most `max_page_bytes` + 1 bytes.

        The whole payload is searched for the beginning of another record, because the reader would skip everything that
        a wrong length covers. Raises UnreadableError if the stated length is wrong, or if the payload grows too much.
        """
        length, name = warc.content_length, self._file.name
        payload = window = warc.reader.read(self._settings.max_page_bytes + 1)
        read, seam = len(payload), b""
        while True:
            # The plain search comes first, because it takes 0.1 s for 500 MB and the pattern takes 5 s.
            if b"\nWARC/" in (searched := seam + window) and BEGINS.search(searched):
                raise UnreadableError("broken_record", f"another record begins within its {length} bytes")
            if read >= length:
                return payload
            check_expansion(name, read, self._stored.tell() - warc.stream_pos, self._settings.max_expansion)
            seam, window = window[-SEAM:], warc.reader.read(min(WINDOW, length - read))
            if not window:
                raise UnreadableError("broken_record", f"it should have {length} bytes, but has {read}")
            read += len(window)


def _broken(offset: int, reason: str, value: str) -> Record:
    return {"record": offset, "reason": reason, "value": value}


def _record(warc: WarcRecord, payload: bytes, form: str, limit: int) -> Record | None:
    """The record of a response (WARC) or text (WET); None for a record of another kind."""
    if warc.record_type != WANTED[form]:
        return None
    record = {
        "record": warc.stream_pos,
        "url": (warc.headers.get("WARC-Target-URI") or "").strip("<>"),
        "date": warc.headers.get("WARC-Date"),
        "source_id": warc.record_id,
    }
    if form == "wet":
        return {**record, "body": payload, "encoding": "utf-8", "content": "text"}
    record["content"] = "html"
    if no_page := _no_page(warc):
        return {**record, "reason": no_page[0], "value": no_page[1]}
    try:
        return {**record, "body": _page(payload, warc, limit), "charset": warc.http_charset}
    except CodingError as error:
        return {**record, "body": payload[:2000], "reason": "content_coding", "value": str(error)}
    except OSError as error:
        return {**record, "body": payload[:2000], "reason": "unreadable_record", "value": one_line(error)}


def _no_page(warc: WarcRecord) -> tuple[str, str] | None:
    """Reason and value for dropping a response without an HTML page; None if it has one."""
    status = warc.http_headers.status_code if warc.http_headers else None
    kind = (warc.http_content_type or "").lower()
    if kind not in HTML_TYPES:
        return "not_html", kind or "no content type"
    return None if status == 200 else ("http_status", str(status))


def _page(payload: bytes, warc: WarcRecord, limit: int) -> bytes:
    """The page as it was before the server compressed it, but at most `limit` + 1 bytes.

    Raises CodingError if the compression cannot be undone.
    """
    headers = {name.lower(): value.lower() for name, value in warc.http_headers.items()}
    transfer = headers.get("transfer-encoding", "")
    if "chunked" in transfer and CHUNK.match(payload):
        payload = ChunkedReader(io.BytesIO(payload)).read(limit + 1)
    return decoded(payload, f"{headers.get('content-encoding', '')},{transfer}", limit)


def _next_record(stored: io.BufferedReader, kind: bytes, start: int) -> int | None:
    """Offset of the next record at or after `start`; None if there is none."""
    stored.seek(start)
    window, offset = stored.read(WINDOW), start
    while window:
        place = window.find(kind)
        while place >= 0:
            if _begins_record(stored, kind, offset + place):
                return offset + place
            place = window.find(kind, place + 1)
        # The windows overlap, because the bytes of `kind` may begin in one window and end in the next.
        offset += max(len(window) - len(kind) + 1, 1)
        stored.seek(offset)
        window = stored.read(WINDOW)
    return None


def _begins_record(stored: io.BufferedReader, kind: bytes, offset: int) -> bool:
    if kind == PLAIN:
        stored.seek(max(offset - 4, 0))
        return BEGINS.match(stored.read(24)) is not None
    # The four bytes that begin a zstd frame are rare enough. The three bytes that begin a gzip member occur by chance
    # once in 16 MB of compressed data, so the record's first bytes are checked too.
    return kind == ZSTD or _head(stored, kind, offset, len(PLAIN)) == PLAIN


def _member_end(stored: io.BufferedReader, start: int) -> int | None:
    """Where the gzip member at `start` ends and another begins; None if the member is damaged or the last one.

    If a member is damaged in its first bytes, the reader reports the place of the member before it, so the end of that
    member must be found.
    """
    stored.seek(start)
    decompressor, window = zlib.decompressobj(zlib.MAX_WBITS | 16), b""
    try:
        while not decompressor.eof and (window := decompressor.unconsumed_tail or stored.read(WINDOW)):
            decompressor.decompress(window, WINDOW)
    except zlib.error:
        return None
    end = stored.tell() - len(decompressor.unused_data)
    return end if decompressor.eof and (decompressor.unused_data or stored.read(1)) else None


def _head(stored: io.BufferedReader, kind: bytes, offset: int, size: int) -> bytes:
    """The first bytes of the record at `offset`, decompressed; b"" if they cannot be decompressed."""
    stored.seek(offset)
    head = stored.read(4096)
    if kind == PLAIN:
        return head[:size]
    try:
        if kind == GZIP:  # zlib returns the first bytes even if the member is damaged further on
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, size)
        return bytes(ZstdReader(io.BytesIO(head)).read(size))
    except (OSError, zlib.error):
        return b""
