"""Sources without a language label: their pages are read, extracted and identified once for all languages.

Such a source is cut into pieces, some files each, which the work store keeps as pages (`pages.PAGE_SCHEMA`) under a
key of the files' content, the settings that decide what is read of them, and the code. The first language that needs
a piece makes it; each language then takes the pages from there as records that were read before, and asks only
whether they are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
from tqdm import tqdm

from stages.raw_web_text.documents import read_pages
from stages.raw_web_text.files import SourceFile, files_of, reached
from stages.raw_web_text.records import Record, in_frames, read_files, read_rows
from stages.raw_web_text.settings import RawWebText, Source
from x_instruction.language.identification import MODEL
from x_instruction.pages.main_text import HTML_EXTRACTOR
from x_instruction.runner.executor import ordered_map
from x_instruction.runner.files import digest, hash_paths
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard

# Stored bytes of a piece, unless one file has more: some minutes of work, so that languages side by side find enough
# to share, and a file added at the end of a source makes one small piece anew.
PIECE_BYTES = 64_000_000
# What decides how a record is read and which records make a frame; more of `RawWebText` is not in a piece's key.
LIMITS = {"rows_per_shard", "max_page_bytes", "max_line_bytes", "max_nesting", "max_expansion"}


@dataclass(frozen=True)
class Piece:
    key: str
    records: Callable[[], Iterable[Record]]


class SharedPages:
    """Pages of the shared sources that serve a language, made where no run made them before."""

    def __init__(self, job: Job, language: str) -> None:
        settings = job.section(RawWebText)
        base = digest(job.code, HTML_EXTRACTOR, MODEL, settings.model_dump_json(include=LIMITS))
        self._store = job.shared
        self._pieces = {
            source.key(): pieces_of(source, language, settings, job.root, base)
            for source in settings.sources
            if source.serves(language) and not source.labelled
        }
        progress = tqdm(desc=f"{job.artifact} for all languages", unit=" rows", unit_scale=True, mininterval=2)
        make = partial(_make, job=job, progress=progress)
        self._store.fill({one.key: partial(make, one) for pieces in self._pieces.values() for one in pieces})
        progress.close()

    def chunks(self, source: Source) -> Iterator[pl.DataFrame]:
        """Pages of a source as records that `read_page` finds read before."""
        for piece in self._pieces[source.key()]:
            for path in sorted(self._store.piece(piece.key).glob("part-*.parquet")):
                yield pl.read_parquet(path).with_columns(body=pl.lit(None, pl.Binary))


def pieces_of(source: Source, language: str, settings: RawWebText, root: Path, base: str) -> list[Piece]:
    """Pieces of a source in order. Local files are hashed for it (1.5 GB a second), others told by their server."""
    base = digest(base, source.model_dump_json(exclude={"path", "languages", "format", "revision"}))
    if source.format == "dataset":
        folder = root / source.path
        version = hash_paths([folder]) if folder.is_dir() else str(source.revision)
        return [Piece(digest(base, source.path, version)[:32], partial(read_rows, source, language, settings, root))]
    pieces = []
    for files in _groups(files_of(source, language, root), settings.rows_per_shard):
        key = digest(base, *(part for file in files for part in (file.name, file.format, _version(file, source))))
        pieces.append(Piece(key[:32], partial(read_files, files, source, settings)))
    return pieces


def _groups(files: list[SourceFile], most: int) -> Iterator[list[SourceFile]]:
    """Files in order, PIECE_BYTES or `most` files together."""
    held: list[SourceFile] = []
    held_bytes = 0
    for file in files:
        held.append(file)
        with reached(file.name):
            held_bytes += file.system.size(file.path) or 0
        if held_bytes >= PIECE_BYTES or len(held) == most:
            yield held
            held, held_bytes = [], 0
    if held:
        yield held


def _version(file: SourceFile, source: Source) -> str:
    """What changes when the file's bytes do."""
    with reached(file.name):
        if "file" in file.system.protocol:
            return hash_paths([Path(file.path)])
        return f"{source.revision} {file.system.checksum(file.path)}"


def _make(piece: Piece, folder: Path, job: Job, progress: tqdm[None]) -> None:
    settings = job.section(RawWebText)
    frames = enumerate(in_frames(piece.records(), settings.rows_per_shard))
    for rows in ordered_map(partial(_block, folder=folder, settings=settings), frames, job.settings.execution):
        progress.update(rows)


def _block(numbered: tuple[int, pl.DataFrame], folder: Path, settings: RawWebText) -> int:
    """Pages of one frame of a piece, unless an interrupted run left them."""
    number, frame = numbered
    path = folder / f"part-{number:05d}.parquet"
    if not path.exists():
        write_shard(read_pages(frame, settings), path)
    return frame.height
