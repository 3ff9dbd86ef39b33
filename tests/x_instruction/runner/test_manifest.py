"""The metrics of every table are computed over all its shards."""

from pathlib import Path

import polars as pl

from stages.params import load_settings
from tests.conftest import ROOT
from x_instruction.runner.job import Job
from x_instruction.runner.manifest import table_facts
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import drops, write_shard

SETTINGS = load_settings(ROOT / "params.yaml")


def staged(root: Path, *shards: dict[str, list[str | None]]) -> Job:
    job = Job("raw_web_text", "fi", None, SETTINGS, root, root / "staging", root / "work", "code")
    for number, columns in enumerate(shards):
        frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
        write_shard(frame, job.staging / f"part-{number:05d}.parquet")
        dropped = pl.DataFrame({"id": ["x"], "reason": ["r"], "value": ["v"], "url": ["u"], "text": ["t"]})
        write_shard(drops(dropped), job.staging / "__drops__" / f"part-{number:05d}.parquet")
    return job


def test_rows_ids_and_nulls_are_counted_over_all_shards(tmp_path: Path) -> None:
    job = staged(tmp_path, {"id": ["a", "b"], "text": ["x", None]}, {"id": ["b", "a", "b"], "text": [None, "y", "z"]})
    assert table_facts(job, Outcome(rows_in=6)) == {
        "rows": 5,
        "dropped": 2,
        "duplicate_ids": 3,
        "null_values": 2,
        "columns": "id, text",
        "unaccounted_rows": -1,
    }


def test_temporary_files_for_counting_are_removed(tmp_path: Path) -> None:
    job = staged(tmp_path, {"id": ["a"], "text": ["x"]})
    table_facts(job, Outcome())
    assert list(job.work.iterdir()) == []


def test_a_shard_without_rows_can_be_counted(tmp_path: Path) -> None:
    assert table_facts(staged(tmp_path, {"id": [], "text": []}), Outcome())["duplicate_ids"] == 0
