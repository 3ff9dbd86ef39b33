"""A killed stage leaves complete and consistent published data, and a new run makes the same bytes.

The project's folder is copied before each `fsync` and before each file system call that Python reports to audit hooks.
A kill at such a moment would leave the same files as the copy, because the operating system keeps what a killed process
has written.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.faults.test_changed_bits import SUITE, Model
from x_instruction.runner.checksums import checksums
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.plots import write_plot
from x_instruction.runner.published import MANIFEST, read_manifest, refuse_damaged
from x_instruction.runner.shards import Split
from x_instruction.runner.shell import run_stage

MakeJob = Callable[..., Job]
EVENTS = ("open", "os.", "shutil.", "tempfile.")


class Moments:
    """Copies a folder before each file system call, and keeps the copies that differ from all earlier copies."""

    def __init__(self) -> None:
        self.watched: Path | None = None
        self._copies: Path
        self._busy = False
        self.calls = 0
        self.found: dict[str, Path] = {}
        sys.addaudithook(self._on_event)  # a hook cannot be removed again, so it does nothing outside `watching`

    @contextmanager
    def watching(self, folder: Path, copies: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        fsync = os.fsync
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda file: (self._copy(), fsync(file)))
            self.watched, self._copies, self.calls, self.found = folder, copies, 0, {}
            try:
                yield
            finally:
                self.watched = None

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watched and event.startswith(EVENTS) and str(self.watched) in str(arguments):
            self._copy()

    def _copy(self) -> None:
        if self._busy or self.watched is None:
            return
        self._busy = True
        self.calls += 1
        copy = self._copies / str(self.calls)
        shutil.copytree(self.watched, copy, symlinks=True)
        state = json.dumps([sorted(str(path.relative_to(copy)) for path in copy.rglob("*")), checksums(copy)])
        if self.found.setdefault(state, copy) != copy:
            shutil.rmtree(copy)
        self._busy = False


@pytest.fixture(scope="module")
def moments() -> Moments:
    return Moments()


class Texts:
    """A stage that writes `word` into two shards, each with a dropped row, and into a metric and a plot."""

    def __init__(self, word: str) -> None:
        self.word, self.made = word, 0

    def run(self, job: Job) -> Outcome:
        frames = [pl.DataFrame({"id": [f"{n}", f"{n}x"], "text": [self.word, "drop"], "url": ["", ""]}) for n in (1, 2)]
        outcome = job.map_frames(frames, self.transform, settings=[])
        (job.staging / "scores.json").write_text(json.dumps({"word": self.word}))
        write_plot(job.staging, "words", pl.DataFrame({"x": [1], "y": [len(self.word)], "series": [self.word]}))
        return outcome

    def transform(self, frame: pl.DataFrame) -> Split:
        self.made += 1
        dropped = pl.when(pl.col("text") == "drop").then(pl.lit("asked"))
        return Split.of(frame.with_columns(reason=dropped, value=pl.lit("")))

    def measure(self, job: Job, outcome: Outcome) -> dict[str, Metric]:
        return {"word": self.word}


class Weights(Model):
    """A model stage that writes `word` into a file beside the weights, into its metrics and into a plot."""

    def __init__(self, start: Path, word: str) -> None:
        super().__init__(start)
        self.word, self.made = word, 0

    def run(self, job: Job) -> Outcome:
        outcome = super().run(job)
        (job.staging / "word.txt").write_text(self.word)
        (job.staging / "scores.json").write_text(json.dumps({"word": self.word}))
        write_plot(job.staging, "words", pl.DataFrame({"x": [1], "y": [len(self.word)], "series": [self.word]}))
        return outcome

    def measure(self, job: Job, outcome: Outcome) -> dict[str, Metric]:
        return {"word": self.word}


def contents(job: Job) -> dict[str, bytes]:
    """Maps each published file (data, report, metrics and plots) to its bytes."""
    places = (job.target, job.report, job.metrics, job.plots)
    paths = [path for place in places for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file()]
    return {str(path.relative_to(job.root)): path.read_bytes() for path in paths}


def half_published(job: Job) -> str:
    """A text that says what is incomplete or inconsistent in the published files; empty if nothing is."""
    if not job.target.exists():
        return "the last good version is gone"
    refuse_damaged(job.target)
    listed = {*read_manifest(job.target)["files"], MANIFEST}
    if {str(path.relative_to(job.target)) for path in job.target.rglob("*") if path.is_file()} != listed:
        return "other files than the manifest lists"
    word = word_of(job)
    if job.report.exists() and json.loads(job.report.read_text())["metrics"]["word"] != word:
        return "a report of other data"
    if job.metrics.exists() and json.loads(job.metrics.read_text())["word"] != word:
        return "metrics of other data"
    if any(word not in plot.read_text() for plot in job.plots.glob("*.csv")):
        return "a plot of other data"
    return ""


def word_of(job: Job) -> str:
    rows = job.target / "part-00000.parquet"
    return str(pl.read_parquet(rows)["text"][0]) if rows.exists() else (job.target / "word.txt").read_text()


@pytest.fixture(params=["texts", "base_model"])
def stage(request: pytest.FixtureRequest, tiny_model: Path) -> Callable[[str], Any]:
    return Texts if request.param == "texts" else partial(Weights, tiny_model)


def test_a_kill_at_any_file_system_call_leaves_complete_and_consistent_data(
    stage: Callable[[str], Any],
    make_job: MakeJob,
    tmp_path: Path,
    moments: Moments,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text(SUITE)

    def job_in(root: Path) -> Job:
        root.mkdir(exist_ok=True)
        return make_job("things", root=root, staging=root / "data/.staging/fi", work=root / "data/.work/fi")

    def made(root: Path, word: str) -> tuple[dict[str, bytes], int]:
        maker, job = stage(word), job_in(root)
        run_stage(job, maker, suite)
        return contents(job), maker.made

    old, _ = made(tmp_path / "project", "old")
    with moments.watching(tmp_path / "project", tmp_path, monkeypatch):
        new, shards = made(tmp_path / "project", "new")
    published = set()
    for copy in moments.found.values():
        assert half_published(job_in(copy)) == ""
        published.add(word_of(job_in(copy)))
        # The work store also has the shards of the old data, so their number is subtracted.
        finished = len(list((copy / "data/.work/fi").glob("*/sealed.json"))) - shards
        again, repeated = made(copy, "new")
        assert again == new
        assert repeated <= max(0, shards - max(0, finished))
        left = [path for path in (copy / "data").rglob(".*") if path.name not in (".staging", ".work")]
        assert not left
    assert published == {"old", "new"} and old.keys() == new.keys()
    assert len(moments.found) > 20
    assert "Traceback" not in capsys.readouterr().err
