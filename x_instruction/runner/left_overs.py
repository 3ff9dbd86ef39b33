"""Removes the files that remain after a run of a partition was killed. The caller must have the partition's lock."""

from __future__ import annotations

import shutil
from pathlib import Path

from x_instruction.runner.job import SCRATCH, Job
from x_instruction.runner.published import MANIFEST
from x_instruction.runner.work_store import remove_temporary


def sweep(job: Job) -> None:
    """Empties the staging folder, and removes temporary files and folders.

    If no data are published, removes the report, metrics and plots, too.
    """
    for left in [job.staging, *_temporary(job.staging), *job.work.glob(f"{SCRATCH}*")]:
        shutil.rmtree(left, ignore_errors=True)
    job.staging.mkdir(parents=True)
    remove_temporary(job.work)
    for path in (job.report, job.metrics, job.refusal, job.run_log):
        for left in _temporary(path):
            left.unlink(missing_ok=True)
    if not (job.target / MANIFEST).exists():
        withdraw(job)


def withdraw(job: Job) -> None:
    """Removes the report, metrics and plots of a partition, so that none describes data that are gone or replaced."""
    for path in (job.report, job.metrics):
        path.unlink(missing_ok=True)
    shutil.rmtree(job.plots, ignore_errors=True)


def _temporary(path: Path) -> list[Path]:
    return list(path.parent.glob(f".{path.name}.*"))
