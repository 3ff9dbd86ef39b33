"""A run removes only what killed runs of the same artifact and language have left, such as temporary files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from x_instruction.runner.job import Job
from x_instruction.runner.left_overs import sweep


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("left")
    return path


def test_temporary_files_and_folders_are_removed(make_job: Callable[..., Job]) -> None:
    job = make_job()
    removed = [
        job.staging / "part-00000.parquet",
        job.staging.with_name(f".{job.staging.name}.x1") / "old",
        job.staging.with_name(f".{job.staging.name}.figures") / "scores.json",
        job.work / "scratch-x1" / "ids",
        job.work / "key" / ".part.parquet.x1",
        job.work / "key" / "__drops__" / ".part.parquet.x1",
        job.report.with_name(f".{job.report.name}.x1"),
        job.run_log.with_name(f".{job.run_log.name}.x1"),
    ]
    kept = [
        job.work / "key" / "part.parquet",
        job.work / "lock",
        job.staging.with_name(".sw.x1") / "old",
        job.report.with_name(".sw.json.x1"),
    ]
    for path in (*removed, *kept):
        write(path)
    sweep(job)
    assert [path for path in removed if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
    assert list(job.staging.iterdir()) == []


def test_a_report_and_metrics_without_their_data_are_removed(make_job: Callable[..., Job]) -> None:
    job = make_job()
    beside = [job.report, job.metrics, job.plots / "loss.csv"]
    data = write(job.target / "manifest.json")
    for path in beside:
        write(path)
    sweep(job)
    assert all(path.exists() for path in beside)
    data.unlink()
    sweep(job)
    assert not any(path.exists() for path in beside)
