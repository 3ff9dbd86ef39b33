"""English pairs are limited per native seed and counted once. No model learns from an instruction that is not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from x_instruction.pairs.training_pairs import Pair, english_pairs, seed_pairs
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard

MakeJob = Callable[..., Job]
NATIVE = [("a", "train"), ("b", "train"), ("c", "held_out"), ("d", "calibration")]
ENGLISH = ["a", "c", "d", "x", "y", "z"]


@pytest.fixture
def job(make_job: MakeJob, tmp_path: Path) -> Job:
    """A job with two languages, which have the same four native instructions and the same six English pairs."""
    for language in ("fi", "sw"):
        rows = [(f"{language}{name}", name, split) for name, split in NATIVE]
        rows += [(f"en{name}", name, "english") for name in ENGLISH]
        table = pl.DataFrame(rows, schema=["id", "instruction_id", "split"], orient="row")
        table = table.with_columns(instruction=pl.col("instruction_id"), response=pl.format("Text {}", "id"))
        folder = tmp_path / "data/seed_pairs" / language
        write_shard(table, folder / "part-00000.parquet")
        write_json(folder / "manifest.json", {"rows": table.height})
    return make_job("instruction_model", None, languages=["fi", "sw"])


def instructions(pairs: list[Pair]) -> list[str]:
    return [pair.instruction for pair in pairs]


def test_english_pairs_have_no_instruction_that_is_held_out_or_calibrated_on(job: Job) -> None:
    pairs = english_pairs(job, per_native=5)
    assert instructions(pairs) == ["a", "x", "y", "z"]
    assert {pair.language for pair in pairs} == {"en"}


@pytest.mark.parametrize(("per_native", "count"), [(0, 0), (0.25, 1), (0.5, 2), (1, 4)])
def test_the_number_of_english_pairs_is_limited_by_the_native_pairs(job: Job, per_native: float, count: int) -> None:
    assert len(english_pairs(job, per_native)) == count


@pytest.mark.parametrize("split", ["train", "calibration", "held_out"])
def test_no_other_split_has_english_pairs(job: Job, split: str) -> None:
    pairs = seed_pairs(job, split)
    assert pairs and {pair.language for pair in pairs} == {"fi", "sw"}


def test_a_train_seed_is_left_out_if_another_language_measures_with_its_instruction(
    make_job: MakeJob, job: Job
) -> None:
    path = job.root / "data/seed_pairs/sw/part-00000.parquet"
    held_out = pl.when(pl.col("instruction") == "a").then(pl.lit("held_out")).otherwise("split")
    write_shard(pl.read_parquet(path).with_columns(split=held_out), path)
    pairs = seed_pairs(job, "train")
    assert [(pair.language, pair.instruction) for pair in pairs] == [("fi", "b"), ("sw", "b")]
    assert instructions(seed_pairs(job, "train", ["fi"])) == ["b"]
