"""Reads zstd frame by frame, because the frames after a damaged one may be good.

pyarrow's decoder ends at the first damage, and returns no data of a frame whose check sum is wrong. So the decoder gets
one frame at a time, without the check sum, which this module checks after the data. The sizes of a frame's blocks are
in their headers (RFC 8878), so the place of the next frame is known even if the data are damaged. If the frame's header
states the size of its content, the number of lost bytes is known too. Otherwise it is estimated from the stored blocks
that were not read. The estimate leaves out up to STEP bytes, because the decoder returns no data of the step in which
it fails.

Only a wrong check sum makes the data of a frame doubtful. In 40 frames with overwritten bytes, all rows before a block
that cannot be decompressed were right; in frames with a wrong check sum, up to 18 % of the rows that could still be
parsed were wrong.
"""

from __future__ import annotations

import io

import pyarrow as pa  # type: ignore[import-untyped]
import xxhash

from stages.raw_web_text.gzip_members import STEP, STORED_STEP, Damage, DamageError

MAGIC = b"\x28\xb5\x2f\xfd"
# The last three bytes of the magic number of a skippable frame. The first byte is 50 to 5F (hex). After the magic
# number, four bytes state the frame's length.
SKIPPED = b"\x2a\x4d\x18"
# Bits of the frame's descriptor, and the lengths of its optional fields by the values of their bits.
ONE_SEGMENT, HAS_SUM = 0x20, 0x04
DICTIONARY_ID, CONTENT_SIZE = (0, 1, 2, 4), (0, 2, 4, 8)
RLE, RESERVED = 1, 3  # kinds of blocks: a repeated byte, and a kind that must not occur
READ = 1 << 16  # stored bytes that are read at a time
HEADER = 18  # bytes of the longest header of a frame, with MAGIC
MAX_BLOCK = 1 << 17  # bytes of a block, decompressed


class ZstdFrames:
    """The decompressed bytes of all frames. With `go_on`, a line end replaces the lost rest of a damaged frame."""

    def __init__(self, stored: io.BufferedReader, go_on: bool) -> None:
        self._stored, self._go_on, self._rest = stored, go_on, b""
        self._frame: _Frame | None = None
        self._decoder: pa.CompressedInputStream | None = None
        self._sum, self._size = xxhash.xxh64(), 0
        self.damage = Damage()
        self.consumed = 0

    def read(self) -> bytes:
        """The next bytes, at most STEP; b"" at the end. Raises OSError for damage, unless `go_on` is set."""
        try:
            while self._frame or self._begin():
                if data := self._decoded():
                    return data
                self._end()
            return b""
        except OSError as error:
            if error.errno is not None:
                raise
            self._note(" ".join(str(error).split()))
            more = self._find_frame()
            if not self._go_on:
                raise
            return b"\n" if more else b""

    def _decoded(self) -> bytes:
        data = bytes(self._decoder.read(STEP)) if self._decoder else b""
        self._sum.update(data)
        self._size += len(data)
        return data

    def _end(self) -> None:
        """Notes a wrong check sum, and raises DamageError without `go_on`. The data have been returned already."""
        stated = self.take(4) if self._frame and self._frame.has_sum else b""
        self._frame = self._decoder = None
        if stated and stated != self._sum.digest()[:-5:-1]:
            self._note("the check sum of a zstd frame is wrong")
            self.damage.doubtful += self._size
            if not self._go_on:
                raise DamageError(self.damage.first)

    def _note(self, damage: str) -> None:
        self.damage.first = self.damage.first or damage

    def take(self, size: int) -> bytes:
        """Takes the next `size` stored bytes, or fewer at the end of the file."""
        self.fill(size)
        taken, self._rest = self._rest[:size], self._rest[size:]
        self.consumed += len(taken)
        return taken

    def fill(self, size: int) -> bytes:
        """Returns the next stored bytes without taking them: at least `size`, unless the file ends."""
        while len(self._rest) < size and (more := self._stored.read(max(size - len(self._rest), READ))):
            self._rest += more
        return self._rest

    def _begin(self) -> bool:
        """Starts the next frame; False at the end of the file."""
        while self.fill(8)[1:4] == SKIPPED:
            self.take(8 + int.from_bytes(self._rest[4:8], "little"))
        if not self._rest:
            return False
        if not self._rest.startswith(MAGIC):
            raise DamageError(f"Not a zstd frame ({self._rest[:4]!r})")
        self._frame, self._sum, self._size = _Frame(self), xxhash.xxh64(), 0
        self._decoder = pa.CompressedInputStream(pa.PythonFile(self._frame, mode="r"), "zstd")
        return True

    def _find_frame(self) -> bool:
        """Goes to the frame after a damaged one: to the end of its blocks, or to the next MAGIC if no end is known."""
        frame, begun, missing = self._frame, self.consumed, None
        self._frame = self._decoder = None
        if frame:
            begun = frame.block if self._size else frame.start
            sound = frame.cut_off or self._size > 0  # if neither, the header itself may be damaged
            frame.skip()
            missing = frame.missing(self._size) if sound or frame.ended else None
        if not frame or not frame.ended:
            self._find_mark()
        if missing is None:
            self.damage.lost += self.consumed - begun
        else:
            self.damage.missing += missing
            self.damage.known += self.consumed - begun
        return bool(self.fill(1))

    def _find_mark(self) -> None:
        self.take(1)
        while self.fill(READ):
            found = self._rest.find(MAGIC)
            if found >= 0:
                self.take(found)
                return
            self.take(max(len(self._rest) - len(MAGIC) + 1, 1))


class _Frame(io.RawIOBase):
    """The stored bytes of one frame, as a file that ends with the frame.

    `start` and `block` are the places of the frame and of its last block that was begun. `content` is the size of the
    content, if the header states it.
    """

    def __init__(self, frames: ZstdFrames) -> None:
        self._frames = frames
        header = frames.fill(HEADER)[:HEADER]
        flags = header[4] if len(header) > 4 else 0
        one_segment = bool(flags & ONE_SEGMENT)
        size = CONTENT_SIZE[flags >> 6] or int(one_segment)
        self._pending = 5 + (not one_segment) + DICTIONARY_ID[flags & 3] + size
        stated = int.from_bytes(header[self._pending - size : self._pending], "little")
        self.content = stated + 256 * (size == 2) if size else None
        self.has_sum = bool(flags & HAS_SUM)
        self.start = self.block = frames.consumed
        self.ended = self.cut_off = False
        self._blocks = 0
        self._first = True
        self._last = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._pending and (self._last or not self._next_block()):
            return b""
        data = self._frames.take(min(size, self._pending, STORED_STEP))
        self._pending -= len(data)
        self.cut_off = not data
        if self._first and len(data) > 4:  # the flag is cleared, so that the decoder does not expect the check sum
            self._first = False
            return data[:4] + bytes([data[4] & ~HAS_SUM]) + data[5:]
        return data

    def _next_block(self) -> bool:
        """Starts the next block; False if the file ends."""
        header = int.from_bytes(self._frames.fill(3)[:3], "little")
        kind, size = header >> 1 & 3, header >> 3
        self.block = self._frames.consumed
        self._blocks += 1
        if kind == RESERVED:
            raise DamageError("a block of a zstd frame has no known kind")
        self._last = bool(header & 1)
        self._pending = 3 + (1 if kind == RLE else size)
        self.cut_off = not self._frames.fill(1)
        return not self.cut_off

    def skip(self) -> None:
        """Goes to the end of the frame, or to a block whose end is not known."""
        try:
            while self.read(READ):
                pass
        except DamageError:
            return
        self.ended = not self.cut_off
        if self.ended and self.has_sum:
            self._frames.take(4)

    def missing(self, read: int) -> int | None:
        """The number of bytes of the content that were not read; None if its size is not stated or cannot be right."""
        if self.content is None or self.content < read or (self.ended and self.content > self._blocks * MAX_BLOCK):
            return None
        return self.content - read
