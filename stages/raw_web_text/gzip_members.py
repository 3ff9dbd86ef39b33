"""Reads gzip member by member, because the members after a damaged one may be good.

The check sum of a member follows its data. `gzip` and `zlib` check it in the step that returns the last data, and lose
these data if it is wrong. With `go_on`, this reader notes a wrong sum but returns the data.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

MAGIC = b"\x1f\x8b"
DEFLATE = MAGIC + b"\x08"
# Header flags of RFC 1952; the three highest bits are reserved.
HEADER_SUM, EXTRA, NAME, COMMENT, RESERVED = 2, 4, 8, 16, 0xE0
# One step reads at most STORED_STEP stored bytes and returns at most STEP decompressed bytes. If a member breaks off in
# a step, the data of that step are lost.
STORED_STEP, STEP = 1 << 12, 1 << 14
WINDOW = 1 << 16  # bytes that are searched for a member at a time; a header is usually much shorter
TRIED = 1 << 10  # a member is recognized if this many stored bytes after its header can be decompressed


class DamageError(OSError):
    """The bytes of a gzip member or zstd frame are not as they were written."""


class CutOffError(DamageError):
    """The file ends before a member does. What was read of the member is right, but nobody knows what is missing."""


@dataclass
class Damage:
    """`first` describes the first damage of a file. The counts are about all of its damage.

    `missing`: number of decompressed bytes that are known to be lost, and `known`: number of stored bytes that held
    them. `lost`: number of other lost bytes of the file, whose size after decompression is not known. `doubtful`:
    number of decompressed bytes from parts with a wrong check sum, or from the part of a gzip member before a broken
    block.
    """

    first: str = ""
    lost: int = 0
    missing: int = 0
    known: int = 0
    doubtful: int = 0


class GzipMembers:
    """The decompressed bytes of all members. With `go_on`, reading continues at the member after a damaged one.

    A line end then replaces missing bytes, so that the line before them does not run into the line after them.
    """

    def __init__(self, stored: io.BufferedReader, go_on: bool) -> None:
        self._stored, self._go_on, self._rest = stored, go_on, b""
        self._inflate: zlib._Decompress | None = None
        self._sum = self._size = 0
        self.damage = Damage()
        self.consumed = 0

    def read(self) -> bytes:
        """The next bytes, at most STEP; b"" at the end. Raises DamageError, or zlib.error, unless `go_on` is set."""
        try:
            return self._next()
        except (zlib.error, DamageError) as error:
            self.damage.doubtful += self._size if self._inflate and not isinstance(error, CutOffError) else 0
            self._inflate = None
            self.damage.first = self.damage.first or str(error)
            if not self._go_on:
                raise
            return b"\n" if self._find_member() else b""

    def _next(self) -> bytes:
        while self._inflate or self._begin():
            data = self._step()
            if data:
                return data
        return b""

    def _step(self) -> bytes:
        assert self._inflate
        if not self._rest and not self._fill(1):
            raise CutOffError("Compressed file ended before the end-of-stream marker was reached")
        taken = self._rest[:STORED_STEP]
        data = self._inflate.decompress(taken, STEP)
        left = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        self._take(len(taken) - len(left))
        self._sum, self._size = zlib.crc32(data, self._sum), self._size + len(data)
        if self._inflate.eof:
            self._inflate = None
            data += self._check(len(data))
        return data

    def _check(self, size_of_step: int) -> bytes:
        """Notes a wrong check sum, or raises DamageError without `go_on`. Returns a line end if data are missing."""
        self._fill(8)
        stated, size = (int.from_bytes(self._rest[at : at + 4], "little") for at in (0, 4))
        self._take(8)
        whole = size == self._size & 0xFFFFFFFF
        if whole and stated == self._sum:
            return b""
        error = f"CRC check failed {stated:#x} != {self._sum:#x}"
        if not self._go_on:
            self.damage.missing += size_of_step
            raise DamageError(error)
        self.damage.first = self.damage.first or error
        self.damage.doubtful += self._size
        return b"" if whole else b"\n"

    def _begin(self) -> bool:
        """Skips zeros and reads a member's header. Returns False at the end of the file."""
        while self._fill(WINDOW) and not self._rest.strip(b"\0"):
            self._take(len(self._rest))
        self._take(len(self._rest) - len(self._rest.lstrip(b"\0")))
        if not self._rest:
            return False
        self._fill(WINDOW)
        if not self._rest.startswith(DEFLATE):
            raise DamageError(f"Not a gzipped file ({self._rest[:2]!r})")
        self._take(_header_length(self._rest))
        self._inflate, self._sum, self._size = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0
        return True

    def _find_member(self) -> bool:
        """Goes to the next member that can be read. All bytes from the failed step to that member are lost."""
        self._lose(1)
        while self._fill(WINDOW):
            found = self._rest.find(DEFLATE)
            if found < 0:
                self._lose(max(len(self._rest) - len(DEFLATE) + 1, 1))
                continue
            self._lose(found)
            self._fill(WINDOW)
            if _is_member(self._rest):
                return True
            self._lose(1)
        return False

    def _fill(self, size: int) -> bool:
        """Reads until there are `size` bytes or the file ends. Returns whether any bytes are left."""
        while len(self._rest) < size and (more := self._stored.read(max(size - len(self._rest), STORED_STEP))):
            self._rest += more
        return bool(self._rest)

    def _take(self, size: int) -> None:
        taken = min(size, len(self._rest))
        self._rest = self._rest[taken:]
        self.consumed += taken

    def _lose(self, size: int) -> None:
        self.damage.lost += min(size, len(self._rest))
        self._take(size)


def _header_length(data: bytes) -> int:
    flags, length = data[3] if len(data) > 3 else 0, 10
    if flags & EXTRA:
        length += 2 + int.from_bytes(data[length : length + 2], "little")
    for field in (NAME, COMMENT):
        if flags & field:
            length = data.find(b"\0", length) + 1 or len(data)
    return length + 2 if flags & HEADER_SUM else length


def _is_member(data: bytes) -> bool:
    """Whether a member begins here.

    The bytes of DEFLATE are not proof enough: they occur by chance once in 16 MB of compressed data.
    """
    if len(data) < 18 or data[3] & RESERVED:
        return False
    start = _header_length(data)
    try:
        return bool(zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[start : start + TRIED], STEP))
    except zlib.error:
        return False
