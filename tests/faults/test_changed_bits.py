"""A published file with a flipped bit is refused with its name, and damaged unpublished work is made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import polars as pl
import pytest

from tests.conftest import TRAINING, KillTraining
from tests.damage import flip
from x_instruction.models.checkpoints import load_model, load_tokenizer
from x_instruction.models.examples import Example
from x_instruction.models.fine_tuning import Surroundings, fine_tune
from x_instruction.models.resuming import last_checkpoint
from x_instruction.models.settings import Training
from x_instruction.models.training_store import kept_examples
from x_instruction.pairs.stop_rule import accepted_iteration
from x_instruction.rating.calibration import Calibration, read_calibration
from x_instruction.runner.errors import DamagedError, InputError
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.published import MANIFEST, manifest_of, read_manifest, refuse_damaged
from x_instruction.runner.shards import Partition, Split, no_drops, write_shard
from x_instruction.runner.shared_store import SharedStore
from x_instruction.runner.shell import run_stage
from x_instruction.runner.work_store import NOTE, SEAL, as_noted, finished, note, seal

MakeJob = Callable[..., Job]
ROWS = pl.DataFrame({"id": ["a", "b", "c"], "text": ["kissa", "koira", "hevonen"]})
SUITE = "- { metric: ids, at_least: 0, severity: warning, because: not of interest here }\n"


@contextmanager
def flipped(path: Path, place: int, bit: int = 3) -> Iterator[None]:
    """Flips a bit of the file, and flips it back at the end."""
    flip(path, place, bit)
    yield
    flip(path, place, bit)


class Texts:
    """A stage that publishes `ROWS` and metrics."""

    def run(self, job: Job) -> Outcome:
        write_shard(ROWS, job.staging / "part-00000.parquet")
        (job.staging / "scores.json").write_text('{"precision": 0.75}')
        return Outcome(rows_in=3)

    def measure(self, job: Job, outcome: Outcome) -> dict[str, Metric]:
        return {"ids": 3}


@pytest.fixture
def publish(make_job: MakeJob, tmp_path: Path) -> Callable[..., Job]:
    def published(artifact: str = "texts", stage: Any = Texts, **names: Any) -> Job:
        job = make_job(artifact, **names)
        (tmp_path / "suite.yaml").write_text(SUITE)
        run_stage(job, stage(), tmp_path / "suite.yaml")
        return job

    return published


def test_a_published_shard_with_a_flipped_bit_is_not_read(publish: Callable[..., Job]) -> None:
    folder = publish().target
    path = folder / "part-00000.parquet"
    assert Partition(folder).table().equals(ROWS)
    for place in range(0, path.stat().st_size, 7):
        # If the flip changes the number of rows, the message names only the folder.
        with flipped(path, place), pytest.raises(InputError, match=r"part-00000\.parquet is damaged|fi has \d+ rows"):
            Partition(folder).table()


def test_a_manifest_with_a_flipped_bit_is_refused_or_has_the_same_values(publish: Callable[..., Job]) -> None:
    folder = publish().target
    path, manifest = folder / MANIFEST, read_manifest(folder)
    refused = 0
    for place in range(path.stat().st_size):
        with flipped(path, place):
            try:
                # A flip is not noticed if the value stays equal, or if it changes only the key `checksum`.
                assert read_manifest(folder).items() >= manifest.items(), place
            except DamagedError:
                refused += 1
    assert refused > 0.8 * path.stat().st_size


def test_damaged_metrics_do_not_decide_the_accepted_iteration(publish: Callable[..., Job], make_job: MakeJob) -> None:
    for name in ("iteration_1", "iteration_2"):
        job = publish("evaluator", language=None, iteration=name)
    reader = make_job("refined_pairs")
    assert accepted_iteration(reader) == "iteration_2"
    job.metrics.write_text('{"precision": 0.25}')
    with pytest.raises(DamagedError, match=r"iteration_2\.json is damaged"):
        accepted_iteration(reader)


class Model:
    """A stage that publishes a model with a calibration."""

    def __init__(self, start: Path) -> None:
        self.start = start

    def run(self, job: Job) -> Outcome:
        shutil.copytree(self.start, job.staging, dirs_exist_ok=True)
        Calibration(1.0, None).write(job.staging)
        return Outcome()

    def measure(self, job: Job, outcome: Outcome) -> dict[str, Metric]:
        return {"ids": 0}


def test_a_published_model_with_a_flipped_bit_is_not_loaded(publish: Callable[..., Job], tiny_model: Path) -> None:
    folder = publish("base_model", partial(Model, tiny_model), language=None).target
    load_model(folder), load_tokenizer(folder), read_calibration(folder)
    readers: dict[str, Callable[[Path], Any]] = {
        "model.safetensors": load_model,
        "config.json": load_tokenizer,
        "tokenizer.json": load_tokenizer,
        "calibration.json": read_calibration,
    }
    for name, read in readers.items():
        path = folder / name
        with flipped(path, path.stat().st_size // 2), pytest.raises(DamagedError, match=rf"{name} is damaged"):
            read(folder)


def shout(frame: pl.DataFrame) -> Split:
    return Split(frame.with_columns(pl.col("text").str.to_uppercase()), no_drops(), {"shouted": frame.height})


@pytest.mark.parametrize("name", ["part.parquet", "__drops__/part.parquet", SEAL])
@pytest.mark.parametrize("how", ["flipped", "cut", "missing"])
def test_a_damaged_shard_of_the_work_store_is_named_and_made_again(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str], name: str, how: str
) -> None:
    def run() -> dict[str, bytes]:
        shutil.rmtree(job.staging, ignore_errors=True)
        assert job.map_frames([ROWS], shout, settings=[]).counts == {"shouted": 3}
        return {path.name: path.read_bytes() for path in job.staging.rglob("*.parquet")}

    job = make_job()
    first = run()
    (entry,) = (path.parent for path in job.work.glob(f"*/{SEAL}"))
    data = (entry / name).read_bytes()
    if how == "flipped":
        flip(entry / name)
    elif how == "cut":
        (entry / name).write_bytes(data[: len(data) // 2])
    else:
        (entry / name).unlink()
    capsys.readouterr()
    assert run() == first
    printed = capsys.readouterr().err
    if (name, how) != (SEAL, "missing"):  # an entry without its seal is unfinished, not damaged
        assert f"{entry / name} is damaged: it is deleted and made again" in printed


SHAPES = {
    "a list": "[]",
    "a number": "7",
    "null": "null",
    "text": '"sealed"',
    "nothing": "",
    "no mapping of files": '{"files": ["part.parquet"]}',
    "checksums that are no text": '{"files": {"part.parquet": 7}}',
    "without files and facts": "{}",
    "without its own checksum": '{"files": {}, "counts": {}}',
    "deep": "[" * 100_000,
    "no text": b"\xff\xfe",
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_a_seal_with_an_unexpected_structure_is_damage(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str], content: str | bytes
) -> None:
    job = make_job()
    assert job.map_frames([ROWS], shout, settings=[]).counts == {"shouted": 3}
    (path,) = job.work.glob(f"*/{SEAL}")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    shutil.rmtree(job.staging)
    assert job.map_frames([ROWS], shout, settings=[]).counts == {"shouted": 3}
    assert f"{path} is damaged: it is deleted and made again" in capsys.readouterr().err
    assert finished(path.parent) == {"counts": {"shouted": 3}, "files": ANY}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_a_note_with_an_unexpected_structure_is_damage(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("rows")
    note(path)
    assert as_noted(path)
    path.with_suffix(NOTE).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert not as_noted(path)


@pytest.mark.parametrize("content", ['{"artifact": "texts", "files": ["part"]}', '{"artifact": "texts"', "[" * 200_000])
def test_a_manifest_with_an_unexpected_structure_is_damage(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(DamagedError, match=r"manifest\.json is damaged"):
        refuse_damaged(tmp_path)


FOREIGN = (
    "[]",
    '["artifact"]',
    '"an artifact"',
    '{"files": ["model.safetensors"]}',
    '{"artifact": "resnet", "checksum": "sha256:0", "version": 3}',
    '{"artifact": {"name": "resnet"}, "files": ["model.safetensors"]}',
    '{"artifact": "resnet", "partition": 5}',
    '{"artifact": "resnet", "content": ["weights"]}',
)


@pytest.mark.parametrize("content", FOREIGN)
def test_a_foreign_manifest_is_ignored(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    refuse_damaged(tmp_path)
    assert manifest_of(tmp_path) == {}


def test_a_damaged_piece_of_the_shared_store_is_made_again(tmp_path: Path) -> None:
    def make(piece: Path) -> None:
        (piece / "rows").write_text("rows")

    SharedStore(tmp_path, "fi", ["fi", "sw"]).fill({"a": make})
    flip(tmp_path / "a" / "rows", 1)
    store = SharedStore(tmp_path, "sw", ["fi", "sw"])
    store.fill({"a": make})
    assert (store.piece("a") / "rows").read_text() == "rows"


def test_damaged_keys_of_needed_pieces_are_ignored(tmp_path: Path) -> None:
    def make(piece: Path) -> None:
        (piece / "rows").write_text("rows")

    SharedStore(tmp_path, "fi", ["fi"]).fill({"a": make})
    (tmp_path / "wanted" / "fi").write_bytes(b"\xff\xfe")
    store = SharedStore(tmp_path, "fi", ["fi"])
    store.fill({"b": make})
    store.settle()
    assert (store.piece("b") / "rows").exists() and not store.piece("a").exists()


def test_damaged_tokenised_examples_are_made_again(
    make_job: MakeJob, publish: Callable[..., Job], tiny_model: Path
) -> None:
    start = publish("base_model", partial(Model, tiny_model), language=None).target
    job, examples = make_job("tuned_model", None), [Example([1, 2], [3])]

    def kept() -> list[Example]:
        return kept_examples(job, start, ["pair"], [], lambda: examples)

    assert kept() == examples
    (path,) = job.work.glob("*/part.parquet")
    flip(path, path.stat().st_size // 3)
    assert kept() == examples


def test_training_does_not_resume_from_a_damaged_checkpoint(
    tiny_model: Path,
    lessons: list[Example],
    tmp_path: Path,
    kill_training: KillTraining,
    capsys: pytest.CaptureFixture[str],
) -> None:
    training = Training.model_validate({**TRAINING.model_dump(), "epochs": 5, "batch_size": 2, "save_every": 3})
    with kill_training(4):
        surroundings = Surroundings(tmp_path / "checkpoints")
        fine_tune(tiny_model, lessons, tmp_path / "out", training, 1, surroundings=surroundings)
    weights = tmp_path / "checkpoints" / "checkpoint-3" / "model.safetensors"
    assert last_checkpoint(tmp_path / "checkpoints") == weights.parent
    flip(weights)
    assert last_checkpoint(tmp_path / "checkpoints") is None
    assert not weights.exists()
    assert "checkpoint-3/model.safetensors is damaged: it is deleted" in capsys.readouterr().err


def test_a_damaged_file_of_unfinished_work_is_named_and_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "part-00000.parquet"
    path.write_text("rows")
    assert not as_noted(path)  # as if a run was killed before it wrote the checksum
    note(path)
    assert as_noted(path)
    flip(path, 1)
    assert not as_noted(path)
    assert "part-00000.parquet is damaged: it is made again" in capsys.readouterr().err


def test_an_entry_is_finished_once_it_is_sealed_and_returns_its_counts(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("rows")
    assert finished(tmp_path) is None
    seal(tmp_path, counts={"a": 1})
    found = finished(tmp_path)
    assert found is not None and found["counts"] == {"a": 1}
