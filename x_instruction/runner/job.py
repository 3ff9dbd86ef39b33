"""Gives a stage what it needs: its settings, the paths of its inputs and its output, and a way to make shards."""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, TypeVar, cast

import polars as pl
from tqdm import tqdm

from x_instruction.runner.errors import SettingsError
from x_instruction.runner.executor import ordered_map
from x_instruction.runner.files import digest
from x_instruction.runner.import_closure import stage_code_hash
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.settings import RunSettings, Section
from x_instruction.runner.shards import DROPS, Partition, Split, write_shard
from x_instruction.runner.shared_store import SharedStore
from x_instruction.runner.work_store import finished, seal

SectionKind = TypeVar("SectionKind", bound=Section)
# Number of rows that are hashed at a time. The writer copies what it writes, and a copy of a whole frame would double
# the memory.
HASHED_ROWS = 2_000
SCRATCH = "scratch-"


@dataclass(frozen=True)
class Job:
    """One run of one stage on one partition, which is the artifact's part for one language, one iteration, or both.

    An artifact without languages and iterations is one partition.

    `staging` is an empty folder: what the stage writes there is judged, then published as a whole. `work` is the folder
    of the work store, which keeps finished shards for later runs. The work store is outside DVC's outputs, because DVC
    removes them before a run. `code` is the hash of the stage's code. `used` collects the keys of the work store that
    this run needs.
    """

    artifact: str
    language: str | None
    iteration: str | None
    settings: RunSettings
    root: Path
    staging: Path
    work: Path
    code: str
    used: set[str] = field(default_factory=set)

    @property
    def partition(self) -> str:
        return "/".join(part for part in (self.iteration, self.language) if part)

    @property
    def target(self) -> Path:
        return self.root / "data" / self.artifact / self.partition

    @property
    def report(self) -> Path:
        return self.root / "data" / "quality" / self.artifact / f"{self.partition or 'all'}.json"

    @property
    def metrics(self) -> Path:
        """File of the partition's published figures, which DVC tracks as metrics."""
        return self.root / "data" / "metrics" / self.artifact / f"{self.partition or 'all'}.json"

    @property
    def plots(self) -> Path:
        """Folder of the published data of the artifact's plots."""
        return self.root / "data" / "plots" / self.artifact / self.partition

    @property
    def refusal(self) -> Path:
        """File of the report of a refused run. DVC does not track it, so `dvc checkout` does not replace it."""
        return self.root / "data" / "refused" / self.artifact / f"{self.partition or 'all'}.json"

    @property
    def refused_drops(self) -> Path:
        """Folder of the dropped rows of a refused run, which often explain the refusal."""
        return self.refusal.with_suffix(".drops")

    @property
    def run_log(self) -> Path:
        """File with the duration of the last published run and the `facts` of its outcome."""
        return self.root / "data" / "runs" / self.artifact / f"{self.partition or 'all'}.json"

    @property
    def language_pages(self) -> Path:
        """Folder of the languages' settings files."""
        return self.root / "languages"

    def section(self, kind: type[SectionKind]) -> SectionKind:
        """The section of params.yaml that `kind` describes."""
        return next(value for _, value in self.settings if type(value) is kind)

    @cached_property
    def shared(self) -> SharedStore:
        """The store of work that several languages, or several iterations, of this artifact share."""
        folder = self.root / "data" / ".work" / self.artifact / "shared"
        names = self.settings.languages if self.language else list(self.settings.iterations)
        return SharedStore(folder, self.language or self.iteration or "all", names)

    def input(self, artifact: str, language: str | None = None, iteration: str | None = None) -> Path:
        """Folder of another artifact's partition."""
        return self.root.joinpath("data", artifact, *(part for part in (iteration, language) if part))

    def rows(self, artifact: str, language: str | None = None, iteration: str | None = None) -> Partition:
        """The published rows of another artifact's partition."""
        return Partition(self.input(artifact, language, iteration))

    @property
    def staged(self) -> Partition:
        """The rows that this run has written so far."""
        return Partition(self.staging, finished=False)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A temporary folder on the disk of the results, for arrays that are too long for memory."""
        self.work.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.work, prefix=SCRATCH) as name:
            yield Path(name)

    def map_frames(
        self,
        frames: Iterable[pl.DataFrame],
        transform: Callable[[pl.DataFrame], Split],
        *,
        settings: Iterable[Section | int],
        depends_on: str = "",
    ) -> Outcome:
        """Writes one shard for each frame. A finished shard in the work store is not computed again.

        A shard's key is made of the frame's content, the code, `settings` (the sections that the transform reads, and
        the seed if it needs one) and `depends_on` (such as a model's hash).
        """
        base = digest(self.code, depends_on, *(_key(value) for value in settings))
        rows_in, counts = 0, Counter[str]()
        bar = tqdm(desc=f"{self.artifact} {self.partition}", unit=" rows", unit_scale=True, mininterval=2)
        with bar as progress:  # closed before an error is printed
            for number, (key, rows, made_counts) in enumerate(self._finished(frames, transform, base)):
                for kind in ("", f"{DROPS}/"):
                    target = self.staging / f"{kind}part-{number:05d}.parquet"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.link(self.work / key / f"{kind}part.parquet", target)
                self.used.add(key)
                rows_in += rows
                counts.update(made_counts)
                progress.update(rows)
        self._write_used()
        return Outcome(rows_in, counts=dict(counts))

    def remembered(
        self, frames: Iterable[pl.DataFrame], transform: Callable[[pl.DataFrame], Split], *, depends_on: str
    ) -> Iterator[pl.DataFrame]:
        """Yields the rows that a costly transform, such as translation, keeps of each frame.

        The work store keeps the results for later runs.
        """
        for key, *_ in self._finished(frames, transform, digest(self.code, depends_on)):
            self.used.add(key)
            yield pl.read_parquet(self.work / key / "part.parquet")
        self._write_used()

    def _write_used(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / "used").write_text("\n".join(sorted(self.used)))

    def _finished(
        self, frames: Iterable[pl.DataFrame], transform: Callable[[pl.DataFrame], Split], base: str
    ) -> Iterator[tuple[str, int, dict[str, int]]]:
        """Makes the missing shards. Yields the key, the number of input rows and the counts of each shard, in order."""
        work = partial(_finish, transform=transform, base=base, store=self.work)
        return ordered_map(work, frames, self.settings.execution)


def make_job(artifact: str, kinds: tuple[str, ...], names: list[str], settings: RunSettings, root: Path) -> Job:
    """Makes the job of a partition. `kinds` says whether the artifact has iterations, languages, both or neither.

    `names` are the partition's iteration and language in any order. Raises SettingsError for a name that params.yaml
    does not list, and if `names` is not exactly one name of each kind.
    """
    given: dict[str, str] = {}
    for name in names:
        if name not in settings.iterations and name not in settings.languages:
            known = ", ".join([*settings.languages, *settings.iterations])
            raise SettingsError(f"'{name}' is neither a language nor an iteration of params.yaml ({known})")
        given["iteration" if name in settings.iterations else "language"] = name
    if set(given) != set(kinds) or len(names) != len(kinds):
        usage = " ".join([artifact, *(kind.upper() for kind in kinds)])
        wanted = " and ".join(f"one {kind}" for kind in kinds) or "neither iteration nor language"
        raise SettingsError(f"{artifact} is made by `python -m stages {usage}`: give {wanted}")
    partition = Path(artifact, *(given[kind] for kind in kinds))
    return Job(
        artifact=artifact,
        language=given.get("language"),
        iteration=given.get("iteration"),
        settings=settings,
        root=root,
        staging=root / "data" / ".staging" / partition,
        work=root / "data" / ".work" / partition,
        code=stage_code_hash(artifact, root),
    )


def _key(value: Section | int) -> str:
    return value.key() if isinstance(value, Section) else str(value)


def frame_hash(frame: pl.DataFrame) -> str:
    """SHA-256 of a frame's columns and values, as hex."""
    hashed = _Hashed()
    for part in frame.iter_slices(HASHED_ROWS):
        part.write_ipc(cast(IO[bytes], hashed), compression="uncompressed")
    hashed.state.update(repr(frame.schema).encode())  # an empty frame has no slices, so only its schema is hashed
    return hashed.state.hexdigest()


class _Hashed(io.RawIOBase):
    """A writable file object that keeps only the hash of what is written to it."""

    def __init__(self) -> None:
        self.state = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.state.update(data)
        return len(data)


def _finish(
    frame: pl.DataFrame, *, transform: Callable[[pl.DataFrame], Split], base: str, store: Path
) -> tuple[str, int, dict[str, int]]:
    """Makes one shard unless the store has it. Returns its key, the number of rows that came in, and its counts."""
    key = digest(base, frame_hash(frame))[:32]
    if found := finished(store / key):
        return key, frame.height, found["counts"]
    split = transform(frame)
    write_shard(split.dropped, store / key / DROPS / "part.parquet")
    write_shard(split.kept, store / key / "part.parquet")
    seal(store / key, counts=split.counts)
    return key, frame.height, split.counts
