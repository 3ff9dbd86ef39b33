"""Records of WARC and WET archives by fastwarc: HTML responses, and extracted texts.

An archive may lie about a record's length or be broken in the middle. What the reader stumbles over is one bad
record; reading goes on at the next place where a record begins, which in compressed archives needs a member
(gzip) or frame (zstd) for each record, as the format's authors and Common Crawl write them.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from fastwarc.stream_io import BrotliReader, ChunkedReader, GzipReader, ZstdReader
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from stages.raw_web_text.files import EXPANSION_FREE, SourceFile, UnreadableError, one_line, readable, stored_bytes
from stages.raw_web_text.settings import RawWebText, Source

HTML_TYPES = ("text/html", "application/xhtml+xml")
WANTED = {"warc": WarcRecordType.response, "wet": WarcRecordType.conversion}
# A record that begins inside another one's payload: the other one's length is a lie.
BEGINS = re.compile(rb"\r?\n\r?\nWARC/[01]\.\d\r?\nWARC-")
CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8}[ \t]*(?:;[^\r\n]*)?\r?\n")
GZIP, ZSTD, PLAIN = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"WARC/"
WINDOW, SEAM = 1 << 20, 32  # bytes; BEGINS is shorter than a seam
Record = dict[str, Any]


def read_archive(file: SourceFile, source: Source, settings: RawWebText) -> Iterator[Record]:
    """One record for each response (WARC) or text (WET); `record` is where it begins in the file, in bytes."""
    with stored_bytes(file) as bytes_, readable(file):
        kind = _kind(bytes_)
        # As cc_net writes them. To the reader that is a quirk, and with those it passes over what it cannot read.
        bare_feeds = _head(bytes_, kind, 0, len(b"WARC/1.0\n")).endswith(b"\n")
        start: int | None = 0
        found = False
        while start is not None:
            for record in (pass_ := _Pass(bytes_, start, kind, bare_feeds, file.format, settings)):
                found = True
                yield record
            start = None if pass_.broken_after is None else _next_record(bytes_, kind, pass_.broken_after + 1)
        if not found:
            raise UnreadableError("unreadable_file", f"no {'response' if file.format == 'warc' else 'text'} in it")


def _kind(stored: BinaryIO) -> bytes:
    head = stored.read(5)
    if not head:
        raise UnreadableError("empty_file", "no bytes")
    return next((kind for kind in (GZIP, ZSTD) if head.startswith(kind)), PLAIN)


class _Pass:
    """Records from `start` to the end, or to what stops the reader: then `broken_after` is the last place it knew."""

    def __init__(
        self, stored: BinaryIO, start: int, kind: bytes, bare_feeds: bool, form: str, settings: RawWebText
    ) -> None:
        self._stored, self._start, self._kind, self._bare_feeds = stored, start, kind, bare_feeds
        self._form, self._settings = form, settings
        self.broken_after: int | None = None

    def __iter__(self) -> Iterator[Record]:
        self._stored.seek(self._start)
        last, held = None, None  # a record is held until the next header shows that its length was true
        amid = True
        try:
            for one in ArchiveIterator(self._stored, quirks_mode=self._bare_feeds, fsspec_args=False):
                if held:
                    yield held
                last, held, amid = one.stream_pos, None, True
                payload, wrong = self._read(one)
                if wrong:
                    self.broken_after = last
                    yield _broken(last, *wrong)
                    return
                held, amid = _record(one, payload, self._form, self._settings.max_page_bytes), False
        except OSError as error:
            if error.errno is not None:
                raise
            self.broken_after = self._start if last is None else last
            if amid or "header" in str(error).lower():
                held = _broken(self.broken_after, "broken_record", one_line(error))
            elif self._kind == GZIP and (end := _member_end(self._stored, self.broken_after)) is not None:
                if held:
                    yield held
                self.broken_after, held = end, _broken(end, "broken_record", one_line(error))
        if held:
            yield held

    def _read(self, one: WarcRecord) -> tuple[bytes, tuple[str, str] | None]:
        """A record's payload, at most a byte above the limit, and what is wrong with the record.

        The rest is looked through here: the reader would swallow all that a lying record claims.
        """
        says, most = one.content_length, self._settings.max_expansion
        payload = window = one.reader.read(self._settings.max_page_bytes + 1)
        read, seam = len(payload), b""
        while True:
            # The plain search first: it looks through 500 MB in 0.1 s, the pattern in 5.
            if b"\nWARC/" in (looked := seam + window) and BEGINS.search(looked):
                return payload, ("broken_record", f"says {says} bytes, and another record begins within them")
            if read >= says:
                return payload, None
            taken = self._stored.tell() - one.stream_pos
            if read > EXPANSION_FREE + most * taken:
                return payload, ("decompression_bomb", f"{read} bytes out of {taken}, more than {most} times")
            seam, window = window[-SEAM:], one.reader.read(min(WINDOW, says - read))
            if not window:
                return payload, ("broken_record", f"says {says} bytes and has {read}")
            read += len(window)


def _broken(offset: int, problem: str, met: str) -> Record:
    return {"record": offset, "problem": problem, "met": met}


def _record(one: WarcRecord, payload: bytes, form: str, most: int) -> Record | None:
    """What a record gives; None where it is none of those read."""
    if one.record_type != WANTED[form]:
        return None
    record = {
        "record": one.stream_pos,
        "url": (one.headers.get("WARC-Target-URI") or "").strip("<>"),
        "date": one.headers.get("WARC-Date"),
        "source_id": one.record_id,
    }
    if form == "wet":
        return {**record, "body": payload, "encoding": "utf-8", "content": "text"}
    record["content"] = "html"
    if problem := _other_than_html(one):
        return {**record, "problem": problem[0], "met": problem[1]}
    try:
        return {**record, "body": _decoded(payload, one, most), "charset": one.http_charset}
    except (OSError, EOFError, zlib.error) as error:
        return {**record, "body": payload[:2000], "problem": "unreadable_record", "met": one_line(error)}


def _other_than_html(one: WarcRecord) -> tuple[str, str] | None:
    status = one.http_headers.status_code if one.http_headers else None
    kind = (one.http_content_type or "").lower()
    if kind not in HTML_TYPES:
        return "not_html", kind or "no content type"
    return None if status == 200 else ("http_status", str(status))


def _decoded(payload: bytes, one: WarcRecord, most: int) -> bytes:
    """The page as it was before the server packed it, at most a byte above the limit.

    A header that names a packing which is not there is common: crawlers unpack and keep the header.
    """
    headers = {name.lower(): value.lower() for name, value in one.http_headers.items()}
    if "chunked" in headers.get("transfer-encoding", "") and CHUNK.match(payload):
        payload = ChunkedReader(io.BytesIO(payload)).read(most + 1)
    packing = headers.get("content-encoding", "")
    if "gzip" in packing and payload.startswith(GZIP):
        return bytes(GzipReader(io.BytesIO(payload)).read(most + 1))
    if "br" in packing.split(", ") and not payload.lstrip().startswith(b"<"):
        return bytes(BrotliReader(io.BytesIO(payload)).read(most + 1))
    if "deflate" in packing and not payload.lstrip().startswith(b"<"):
        return zlib.decompressobj(zlib.MAX_WBITS if payload[:1] == b"x" else -zlib.MAX_WBITS).decompress(
            payload, most + 1
        )
    return payload


def _next_record(stored: BinaryIO, kind: bytes, start: int) -> int | None:
    """Where the next record begins at or after `start`, if one does."""
    stored.seek(start)
    window, offset = stored.read(WINDOW), start
    while window:
        found = window.find(kind)
        while found >= 0:
            if _begins_record(stored, kind, offset + found):
                return offset + found
            found = window.find(kind, found + 1)
        # What may begin in this window and end in the next is looked for again.
        offset += max(len(window) - len(kind) + 1, 1)
        stored.seek(offset)
        window = stored.read(WINDOW)
    return None


def _begins_record(stored: BinaryIO, kind: bytes, offset: int) -> bool:
    if kind == PLAIN:
        stored.seek(max(offset - 4, 0))
        return BEGINS.match(stored.read(24)) is not None
    # Four bytes tell a frame of zstd; gzip's three stand in packed data once in 16 MB.
    return kind == ZSTD or _head(stored, kind, offset, len(PLAIN)) == PLAIN


def _member_end(stored: BinaryIO, start: int) -> int | None:
    """Where the gzip member at `start` ends and another begins; None where it breaks or nothing follows.

    Of a member that breaks in its first bytes the reader tells no place: what it knew last is the whole one before.
    """
    stored.seek(start)
    unpacker, window = zlib.decompressobj(zlib.MAX_WBITS | 16), b""
    try:
        while not unpacker.eof and (window := unpacker.unconsumed_tail or stored.read(WINDOW)):
            unpacker.decompress(window, WINDOW)
    except zlib.error:
        return None
    end = stored.tell() - len(unpacker.unused_data)
    return end if unpacker.eof and (unpacker.unused_data or stored.read(1)) else None


def _head(stored: BinaryIO, kind: bytes, offset: int, size: int) -> bytes:
    """First bytes of the record at a place, unpacked; none where it cannot be."""
    stored.seek(offset)
    head = stored.read(4096)
    if kind == PLAIN:
        return head[:size]
    try:
        if kind == GZIP:  # zlib gives the first bytes also of a member that breaks later
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, size)
        return bytes(ZstdReader(io.BytesIO(head)).read(size))
    except (OSError, zlib.error):
        return b""
