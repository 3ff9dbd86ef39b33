"""Undoes the content codings (compressions) with which a server sent a page, the last one first.

The header that names the codings is often wrong. Some crawlers decompress a page but keep the header, and some servers
compress a page twice but name one coding. So the first bytes are checked too: gzip, zstd and compress begin with marks
that no page begins with.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable

from fastwarc.stream_io import BrotliReader, GzipReader, ZstdReader

MARKS = {b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x9d": "compress"}
ALIASES = {"x-gzip": "gzip", "x-compress": "compress", "x-zstd": "zstd", "x-br": "br", "brotli": "br"}
# Servers name these as codings, but nothing is undone for them: the page was sent unchanged, or its chunks are already
# joined ("chunked").
NONE = ("", "identity", "none", "binary", "chunked", "8bit", "utf-8", "utf8")
# Bytes that were compressed more than this many times are not a page.
MAX_TIMES = 8
PAGE_BEGINS = (b"<", b"\0<", b"\xfe\xff", b"\xff\xfe")
# Compressed bytes have control characters. Text has only \t \n \v \f \r, and ESC in Japanese encodings.
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
HEAD = 1000  # bytes


class CodingError(Exception):
    """A coding that cannot be undone, because it is not supported or its bytes are damaged."""


def decoded(body: bytes, header: str, limit: int) -> bytes:
    """The page as it was before the server compressed it, but at most its first `limit` + 1 bytes.

    `header` lists the codings that the server named. Raises CodingError, which names the coding.
    """
    named = [ALIASES.get(name, name) for name in (part.strip().lower() for part in header.split(","))]
    for coding in [name for name in reversed(named) if name not in NONE]:
        if coding in MARKS.values():
            body = _undone(body, coding, limit) if _mark(body) == coding else body
        elif not _is_page(body) and _mark(body) is None:
            body = _undone(body, coding, limit)
    for _ in range(MAX_TIMES):
        if marked := _mark(body):
            body = _undone(body, marked, limit)
    if marked := _mark(body):
        raise CodingError(f"{marked}, more than {MAX_TIMES} times")
    return body


def _mark(body: bytes) -> str | None:
    return next((coding for mark, coding in MARKS.items() if body.startswith(mark)), None)


def _is_page(body: bytes) -> bool:
    head = body[:HEAD].lstrip()
    return head.startswith(PAGE_BEGINS) or CONTROL.search(head) is None


def _undone(body: bytes, coding: str, limit: int) -> bytes:
    undo = UNDO.get(coding)
    if undo is None:
        raise CodingError(f"content coding {coding} is not supported")
    try:
        return undo(body, limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CodingError(f"content coding {coding} is damaged: {' '.join(str(error).split())[:200]}") from None


def _deflate(body: bytes, size: int) -> bytes:
    """Decompresses data with or without zlib's header, which many servers leave out."""
    for window_bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        try:
            return zlib.decompressobj(window_bits).decompress(body, size)
        except zlib.error as error:
            failed = error
    raise failed


UNDO: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": lambda body, size: bytes(GzipReader(io.BytesIO(body)).read(size)),
    "zstd": lambda body, size: bytes(ZstdReader(io.BytesIO(body)).read(size)),
    "br": lambda body, size: bytes(BrotliReader(io.BytesIO(body)).read(size)),
    "deflate": _deflate,
}
