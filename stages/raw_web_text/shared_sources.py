"""Reads, extracts and identifies the pages of shared sources (those without a language label) once for all languages.

A source is divided into pieces of one or more files; a dataset is a single piece. The work store (a cache on disk)
keeps the pages of a piece under a key. The key is made from the versions of the files (see `pieces_of`), the settings
that decide what is read, and the code. The run of the first language that needs a piece makes it. The run of each
language then reads the pages from the store, and decides only which of them are in its language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
from tqdm import tqdm

from stages.raw_web_text.columns import NamedColumns
from stages.raw_web_text.documents import read_pages
from stages.raw_web_text.files import SourceFile, files_of, reached
from stages.raw_web_text.records import in_frames, read_files, read_rows
from stages.raw_web_text.schema import PAGE_SCHEMA, Record
from stages.raw_web_text.settings import RawWebText, Source
from x_instruction.language.identification import MODEL, five_likeliest
from x_instruction.pages.main_text import HTML_EXTRACTOR
from x_instruction.runner.executor import ordered_map
from x_instruction.runner.files import digest, hash_paths
from x_instruction.runner.job import Job
from x_instruction.runner.shards import parts_of, write_shard
from x_instruction.runner.work_store import as_noted, note

# A piece is complete when its files have at least this many stored bytes (see `_groups`). A source is divided so that
# the runs of several languages can make different pieces at the same time, and so that a file that is added at the end
# of the source changes only one piece.
PIECE_BYTES = 64_000_000
# The settings that decide how a record is read and which records form a frame. They are part of a piece's key.
LIMITS = {"rows_per_shard", "max_page_bytes", "max_line_bytes", "max_nesting", "max_elements", "max_attributes"}
LIMITS |= {"max_seconds_per_megabyte", "max_expansion"}


@dataclass(frozen=True)
class Piece:
    key: str
    records: Callable[[], Iterable[Record]]


class SharedPages:
    """Pages of the shared sources of a language. Makes the pieces that are not in the store yet."""

    def __init__(self, job: Job, language: str) -> None:
        settings = job.section(RawWebText)
        base = digest(job.code, HTML_EXTRACTOR, MODEL, settings.model_dump_json(include=LIMITS))
        sources = [source for source in settings.sources if source.serves(language) and not source.labelled]
        self._store = job.shared
        self._pieces = {source.key(): pieces_of(source, language, settings, job.root, base) for source in sources}
        named = {source.key(): NamedColumns(source) for source in sources}
        bar = tqdm(desc=f"{job.artifact} for all languages", unit=" rows", unit_scale=True, mininterval=2)
        with bar as progress:  # closed before an error is printed
            self._store.fill(
                {
                    piece.key: partial(_make, piece, job=job, named=named[source], progress=progress)
                    for source, pieces in self._pieces.items()
                    for piece in pieces
                }
            )
        for columns in named.values():
            columns.warn()

    def of(self, source: Source) -> Iterator[pl.DataFrame]:
        """The pages of a source, as frames of records without a `body`."""
        for piece in self._pieces[source.key()]:
            for path in sorted(self._store.piece(piece.key).glob("part-*.parquet")):
                yield pl.read_parquet(path).with_columns(body=pl.lit(None, pl.Binary))


def pieces_of(source: Source, language: str, settings: RawWebText, root: Path, base: str) -> list[Piece]:
    """Pieces of a source in order.

    The version of a local file is its hash. The version of a remote file is the source's `revision` and the check sum
    that the file system gives. The version of a hub id is its `revision`.
    """
    base = digest(base, source.model_dump_json(exclude={"path", "languages", "format", "revision", "outside"}))
    if source.format == "dataset":
        folder = root / source.path
        version = hash_paths([folder]) if folder.is_dir() else str(source.revision)
        return [Piece(digest(base, source.path, version)[:32], partial(read_rows, source, language, settings, root))]
    pieces = []
    for files in _groups(files_of(source, language, root), settings.rows_per_shard):
        key = digest(base, *(part for file in files for part in (file.name, file.format, _version(file, source))))
        pieces.append(Piece(key[:32], partial(read_files, files, source, settings)))
    return pieces


def _groups(files: list[SourceFile], limit: int) -> Iterator[list[SourceFile]]:
    """The files in order, in groups of at least PIECE_BYTES or of `limit` files. The last group may be smaller."""
    held: list[SourceFile] = []
    held_bytes = 0
    for file in files:
        held.append(file)
        with reached(file.name):
            held_bytes += file.system.size(file.path) or 0
        if held_bytes >= PIECE_BYTES or len(held) == limit:
            yield held
            held, held_bytes = [], 0
    if held:
        yield held


def _version(file: SourceFile, source: Source) -> str:
    """A text that changes with the bytes of a local file, or with the revision or check sum of a remote file."""
    with reached(file.name):
        if "file" in file.system.protocol:
            return hash_paths([Path(file.path)])
        return f"{source.revision} {file.system.checksum(file.path)}"


def _make(piece: Piece, folder: Path, job: Job, named: NamedColumns, progress: tqdm[None]) -> None:
    settings = job.section(RawWebText)
    frames = enumerate(in_frames(named.watch(piece.records()), settings.rows_per_shard))
    for rows in ordered_map(partial(_block, folder=folder, settings=settings), frames, job.settings.execution):
        progress.update(rows)


def _block(numbered: tuple[int, pl.DataFrame], folder: Path, settings: RawWebText) -> int:
    """Writes the pages of a frame of a piece, unless an interrupted run did. Returns the frame's number of records."""
    number, frame = numbered
    path = folder / f"part-{number:05d}.parquet"
    if not as_noted(path):
        write_shard(pl.concat([_identified(read_pages(part, settings)) for part in parts_of(frame)]), path)
        note(path)
    return frame.height


def _identified(pages: pl.DataFrame) -> pl.DataFrame:
    """The pages, with `likeliest` for those that are not dropped."""
    numbered = pages.drop("likeliest").with_row_index("row")
    good = numbered.filter(pl.col("reason").is_null())
    found = good.select("row", likeliest=five_likeliest(good["text"]))
    return numbered.join(found, on="row", how="left", maintain_order="left").select(list(PAGE_SCHEMA))
