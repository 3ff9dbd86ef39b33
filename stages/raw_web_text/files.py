"""Which files a source names, and how each is opened: local or by URL, compressed or not."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import fsspec  # type: ignore[import-untyped]
import pyarrow as pa  # type: ignore[import-untyped]

from stages.raw_web_text.settings import Format, Source
from x_instruction.runner.errors import InputError, XInstructionError

COMPRESSED = (".gz", ".zst")
# The last of a name's endings that tells: x.warc.wet.gz is WET.
FORMATS = {
    ".html": "html",
    ".htm": "html",
    ".warc": "warc",
    ".wet": "wet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
# A file may grow by this before its growth is judged: small files compress as they like.
EXPANSION_FREE = 1 << 20
# Bytes unpacked in one go: where a file breaks off, what was asked for with the break is lost.
AT_ONCE = 1 << 14


class UnreadableError(Exception):
    """A file, or the rest of it, cannot be read: `reason` for the drop, what was met as the message."""

    def __init__(self, reason: str, met: str) -> None:
        super().__init__(met)
        self.reason = reason


@dataclass(frozen=True)
class SourceFile:
    """`name` is what provenance calls it: relative to the project where it lies there, else its full address."""

    system: Any
    path: str
    name: str
    format: str


def files_of(source: Source, language: str, root: Path) -> list[SourceFile]:
    """Files of a source in the order of their names. Raises InputError when there are none."""
    pattern = source.path.replace("{language}", language)
    asked = pattern if "://" in pattern else str(root.absolute() / pattern)
    try:
        system, path = fsspec.core.url_to_fs(asked)
    except (ValueError, ImportError) as error:
        raise InputError(f"source {pattern} cannot be opened ({error}): mend raw_web_text.sources") from None
    with reached(pattern):
        try:
            found = _found(system, path, source.format)
        except FileNotFoundError as error:
            why = f" ({one_line(error.__cause__)})" if error.__cause__ else ""
            raise InputError(
                f"source {pattern} does not exist{why}: put the {language} pages there or mend raw_web_text.sources"
            ) from None
    chosen = [SourceFile(system, one, _name(system, one, root), told) for one, told in found.items() if told]
    if not chosen:
        wanted = f".{source.format}" if source.format else ", ".join(FORMATS)
        raise InputError(f"source {pattern} holds no file of a known kind ({wanted}): put one there or give `format`")
    return sorted(chosen, key=lambda one: PurePosixPath(one.path))


def _found(system: Any, path: str, form: Format | None) -> dict[str, str | None]:
    """Files by path, and the format of each. Raises FileNotFoundError when there are none."""
    if set("*?[") & set(path):
        matched = {one: form or file_format(one) for one in system.glob(path) if system.isfile(one)}
        if not matched:
            raise FileNotFoundError(path)
        return matched
    system.info(path)  # says what is wrong, where `exists` would say no
    # A web server knows no folders, and would be asked for the whole file to look for links in it.
    if not {"http", "https"} & set(system.protocol) and system.isdir(path):
        named = {one: file_format(one) for one in system.find(path)}
        return {one: told for one, told in named.items() if form in (None, told)}
    return {path: form or file_format(path)}


def file_format(name: str) -> str | None:
    """Format a file's name tells, if any."""
    suffixes = [one.lower() for one in PurePosixPath(name).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def _name(system: Any, path: str, root: Path) -> str:
    if "file" not in system.protocol:
        return str(system.unstrip_protocol(path))
    local = Path(path)
    return local.relative_to(root.absolute()).as_posix() if local.is_relative_to(root.absolute()) else local.as_posix()


@contextmanager
def reached(name: str) -> Iterator[None]:
    """An error of what fetches is the user's to mend; each library has kinds of its own."""
    try:
        yield
    except XInstructionError:
        raise
    except Exception as error:
        met = f"{type(error).__name__}: {one_line(error)}"
        raise InputError(f"source {name} cannot be reached ({met}): mend its path, rights, keys or network") from None


@contextmanager
def stored_bytes(file: SourceFile) -> Iterator[BinaryIO]:
    """The file's bytes as they lie there."""
    with reached(file.name):
        bytes_ = file.system.open(file.path, "rb")
    with bytes_:
        yield bytes_ if "file" in file.system.protocol else io.BufferedReader(_Remote(bytes_, file.name), 1 << 20)


class _Remote(io.RawIOBase):
    """A file elsewhere, whose every read may fail."""

    def __init__(self, there: Any, name: str) -> None:
        self._there, self._file = there, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._there.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with reached(self._file):
            return int(self._there.seek(offset, whence))

    def tell(self) -> int:
        return int(self._there.tell())

    def readinto(self, buffer: Any) -> int:
        with reached(self._file):
            data = self._there.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def opened(file: SourceFile, max_expansion: int) -> Iterator[BinaryIO]:
    """The file's bytes, decompressed. What breaks off or grows beyond measure raises UnreadableError."""
    with stored_bytes(file) as bytes_, readable(file):
        if file.path.lower().endswith(COMPRESSED):
            yield cast(BinaryIO, io.BufferedReader(_Decompressed(file, bytes_, max_expansion), 1 << 20))
        else:
            yield bytes_


@contextmanager
def readable(file: SourceFile) -> Iterator[None]:
    """Errors of the bytes become UnreadableError; an error of the system (rights, network) is the user's to mend."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowException) as error:
        raise UnreadableError("truncated_file", f"the file breaks off: {one_line(error)}") from None
    except OSError as error:
        if error.errno is None:
            raise UnreadableError("truncated_file", f"the file breaks off: {one_line(error)}") from None
        raise InputError(f"source {file.name} cannot be read ({one_line(error)}): mend rights or network") from None


class _Decompressed(io.RawIOBase):
    """Decompressed bytes of a stored file, bounded by a multiple of the stored bytes they came from."""

    def __init__(self, file: SourceFile, stored: Any, max_expansion: int) -> None:
        self._stored, self._most, self._given = stored, max_expansion, 0
        if file.path.lower().endswith(".gz"):
            self._read: Callable[[int], bytes] = gzip.GzipFile(fileobj=stored, mode="rb").read1
        else:
            self._read = pa.CompressedInputStream(pa.PythonFile(stored, mode="r"), "zstd").read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._read(min(len(buffer), AT_ONCE))
        buffer[: len(data)] = data
        self._given += len(data)
        if self._given > EXPANSION_FREE + self._most * self._stored.tell():
            raise UnreadableError(
                "decompression_bomb", f"{self._given} bytes out of {self._stored.tell()}, more than {self._most} times"
            )
        return len(data)


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
