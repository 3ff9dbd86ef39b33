"""Opens the files of a source, compressed or not, and counts the bytes that cannot be read."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from stages.raw_web_text.files import COMPRESSED, SourceFile, one_line, reached
from stages.raw_web_text.gzip_members import Damage, GzipMembers
from stages.raw_web_text.schema import Record
from stages.raw_web_text.unread import in_bytes
from stages.raw_web_text.zstd_frames import ZstdFrames
from x_instruction.runner.errors import InputError

# A file that is compressed with gzip or zstd begins with one of these marks, even if its name does not show it.
COMPRESSION_MARKS = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}
# Bytes by which a compressed file may exceed the limit on its growth, because small files may grow more.
EXPANSION_FREE = 1 << 20
# Errors that readers raise about damaged bytes. An OSError with an error number is about the system instead.
DAMAGES = (EOFError, zlib.error, pa.ArrowException, OSError)


class UnreadableError(Exception):
    """A file, or the rest of it, cannot be read.

    `reason` and the message become those of a dropped row. `lost` is the number of bytes that are not read, and
    `doubtful` the number of bytes that were read from damaged parts.
    """

    def __init__(self, reason: str, value: str, lost: int = 0, doubtful: int = 0) -> None:
        super().__init__(value)
        self.reason, self.lost, self.doubtful = reason, lost, doubtful

    @property
    def record(self) -> Record:
        """The record of what was not read, with the numbers of lost and doubtful bytes."""
        return {"reason": self.reason, "value": str(self), "lost": self.lost, "doubtful": self.doubtful}


@contextmanager
def stored_bytes(file: SourceFile) -> Iterator[io.BufferedReader]:
    """The bytes of the file as they are stored."""
    with reached(file.name):
        stored = file.system.open(file.path, "rb")
    with stored:
        local = "file" in file.system.protocol
        yield stored if local else io.BufferedReader(_Remote(stored, file.name), 1 << 20)


class _Remote(io.RawIOBase):
    """A remote file. Any error of a read becomes InputError."""

    def __init__(self, remote: Any, name: str) -> None:
        self._remote, self._file = remote, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._remote.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with reached(self._file):
            return int(self._remote.seek(offset, whence))

    def tell(self) -> int:
        return int(self._remote.tell())

    def readinto(self, buffer: Any) -> int:
        with reached(self._file):
            data = self._remote.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def opened(file: SourceFile, max_expansion: int, lines: bool = False) -> Iterator[io.BufferedReader]:
    """The decompressed bytes of the file. Raises UnreadableError if they are damaged, break off or grow too much.

    With `lines`, a damaged gzip member or zstd frame does not end the file: the lines after it are read, and the error
    is raised at the end. Without `lines`, all bytes of a file with an error count as lost, because nothing of it is
    used.
    """
    with stored_bytes(file) as stored, readable(file):
        form = _compressed_form(file, stored)
        decompressed = _Decompressed(file, stored, form, max_expansion, lines) if form else None
        try:
            yield io.BufferedReader(decompressed, 1 << 20) if decompressed else stored
        except (*DAMAGES, UnreadableError) as error:
            if getattr(error, "errno", None) is not None:
                raise
            raise (decompressed or _Plain(file, stored, lines)).weighed(error) from None
        if decompressed and (damage := decompressed.damaged()):
            raise damage


def _compressed_form(file: SourceFile, stored: io.BufferedReader) -> str | None:
    """How the file is compressed, by its first bytes, else by its name; None if it is not compressed."""
    head = stored.read(4)
    stored.seek(0)
    by_name = (ending for ending in COMPRESSED if file.path.lower().endswith(ending))
    return next((form for mark, form in COMPRESSION_MARKS.items() if head.startswith(mark)), next(by_name, None))


@contextmanager
def readable(file: SourceFile) -> Iterator[None]:
    """Turns errors in the bytes into UnreadableError, and errors of the system (rights, network) into InputError."""
    try:
        yield
    except DAMAGES as error:
        if getattr(error, "errno", None) is None:
            raise _damage(file, one_line(error)) from None
        raise InputError(f"source {file.name} cannot be read ({one_line(error)}): check rights and network") from None


class _Plain:
    """Counts the unused bytes of a file that is not compressed."""

    def __init__(self, file: SourceFile, stored: io.BufferedReader, lines: bool) -> None:
        self._file, self._stored, self._lines = file, stored, lines

    def weighed(self, error: Exception) -> UnreadableError:
        """The error, with the number of bytes of the file that are not used because of it."""
        unreadable = error if isinstance(error, UnreadableError) else _damage(self._file, one_line(error))
        lost = unreadable.lost + self._left() if self._lines else self._whole()
        return UnreadableError(unreadable.reason, str(unreadable), lost)

    def _left(self) -> int:
        """Estimates how many bytes of the file were not read yet."""
        return max(stored_size(self._file) - self._stored.tell(), 0)

    def _whole(self) -> int:
        return stored_size(self._file)


class _Decompressed(_Plain, io.RawIOBase):
    """The decompressed bytes of a file. `check_expansion` limits their number."""

    def __init__(self, file: SourceFile, stored: io.BufferedReader, form: str, max_expansion: int, lines: bool) -> None:
        super().__init__(file, stored, lines)
        self._max_expansion, self._size = max_expansion, 0
        self._members = (GzipMembers if form == ".gz" else ZstdFrames)(stored, go_on=lines)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or self._members.read()
        data, self._rest = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(data)] = data
        self._size += len(data)
        check_expansion(self._file.name, self._size, self._stored.tell(), self._max_expansion)
        return len(data)

    def damaged(self) -> UnreadableError | None:
        """The damage after which reading continued, if there was any."""
        damage = self._members.damage
        if not damage.first:
            return None
        return _damage(self._file, f"{damage.first}{_doubts(damage)}", self._lost(), damage.doubtful)

    def weighed(self, error: Exception) -> UnreadableError:
        unreadable = super().weighed(error)
        # If no record was found or an array is broken, the earlier damage is the cause, so it is reported.
        damaged = self.damaged() if self._lines else None
        if damaged is None:
            return unreadable
        shown = damaged if unreadable.reason in ("empty_file", "broken_file") else unreadable
        return UnreadableError(shown.reason, str(shown), unreadable.lost + damaged.lost, damaged.doubtful)

    def _lost(self) -> int:
        """Number of lost bytes in the damaged parts. A damaged header may state any size, so the number has a limit."""
        lost = self._members.damage.missing + int(self._members.damage.lost * self._growth())
        return min(lost, EXPANSION_FREE + self._max_expansion * stored_size(self._file))

    def _left(self) -> int:
        return int(max(stored_size(self._file) - self._members.consumed, 0) * self._growth())

    def _whole(self) -> int:
        return max(self._size + self._lost() + self._left(), stored_size(self._file))

    def _growth(self) -> float:
        """Decompressed bytes for each stored byte so far. Lost bytes are assumed to grow as much, within the limit."""
        damage = self._members.damage
        growth = self._size / max(self._members.consumed - damage.lost - damage.known, 1)
        return min(max(growth, 1.0), self._max_expansion)


def _damage(file: SourceFile, cause: str, lost: int = 0, doubtful: int = 0) -> UnreadableError:
    return UnreadableError("broken_file", f"{file.name} is damaged or cut off: {cause}", lost, doubtful)


def _doubts(damage: Damage) -> str:
    """Says how many bytes were read from damaged parts. Rows from them are kept if they can be parsed.

    In 40 gzip members of 6,000 rows with overwritten bytes, up to 19 % of the parsed rows were wrong.
    """
    shown = in_bytes(damage.doubtful)
    return f"; {shown} were read from the damaged parts and may be wrong" if damage.doubtful else ""


def stored_size(file: SourceFile) -> int:
    """Stored bytes of the file; 0 if its file system does not report them."""
    with reached(file.name):
        return int(file.system.size(file.path) or 0)


def check_expansion(name: str, size: int, stored: int, max_expansion: int) -> None:
    """Raises UnreadableError if `stored` bytes were decompressed to more than `max_expansion` times as many.

    EXPANSION_FREE bytes more are always allowed.
    """
    if size > EXPANSION_FREE + max_expansion * stored:
        raise UnreadableError(
            "decompression_bomb", f"{name} grows from {stored} to {size} bytes, more than {max_expansion} times"
        )
