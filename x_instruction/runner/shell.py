"""The shell around every stage: work, gate, publish, whole or not at all."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Protocol

from x_instruction.runner.files import replace_folder, write_atomically, write_json
from x_instruction.runner.gate import Metric, judge, load_suite, refuse
from x_instruction.runner.great_expectations import Validator
from x_instruction.runner.job import Job
from x_instruction.runner.manifest import table_facts, write_manifest
from x_instruction.runner.one_run import one_run
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.plots import PLOTS
from x_instruction.runner.readings import Readings
from x_instruction.runner.shards import DROPS

SCORES = "scores.json"  # what a stage writes there beside its artifact is published as its metrics


class Stage(Protocol):
    """What a stage's module offers: `run` writes the artifact to `job.staging`, `measure` computes its metrics."""

    def run(self, job: Job) -> Outcome: ...
    def measure(self, job: Job, outcome: Outcome) -> dict[str, Metric]: ...


def run_stage(job: Job, stage: Stage, suite: Path, readings: Readings | None = None) -> None:
    """Do the stage's work in `job.staging`, judge it by the suite, and publish it whole or not at all.

    Nothing is published if what the stage reads changed since the `readings` were taken.
    """
    expectations = load_suite(suite, job.settings)
    with Validator() as validator, one_run(job.work, f"{job.artifact} {job.partition}".strip()):
        started = time.monotonic()
        _clear(job.staging)
        outcome = stage.run(job)
        metrics = {**table_facts(job, outcome), **stage.measure(job, outcome)}
        report = judge(job.artifact, job.partition, expectations, metrics, validator.validate)
        if readings:
            readings.refuse_changes()
        report.save(job.refusal if report.failures else job.report)
        for verdict in report.warnings:
            print(f"warning: {verdict.sentence}", file=sys.stderr)
        if report.failures:
            refuse(report, job.refusal.relative_to(job.root), _keep_drops(job))
        _publish(job, outcome, time.monotonic() - started)


def _clear(staging: Path) -> None:
    """Makes the staging folder anew, and removes what killed runs of the partition left in it and beside it."""
    for left in [staging, *staging.parent.glob(f".{staging.name}.*")]:
        shutil.rmtree(left, ignore_errors=True)
    staging.mkdir(parents=True)


def _publish(job: Job, outcome: Outcome, seconds: float) -> None:
    job.refusal.unlink(missing_ok=True)
    shutil.rmtree(job.refused_drops, ignore_errors=True)
    _publish_figures(job)
    manifest = write_manifest(job, outcome)
    replace_folder(job.staging, job.target)
    _prune(job.work)
    job.shared.settle()
    log = {**outcome.facts, "seconds": round(seconds, 2), "content": manifest["content"]}
    write_json(job.root / "data" / "runs" / job.artifact / f"{job.partition or 'all'}.json", log)
    print(f"{job.artifact} {job.partition}: published, {manifest['summary']}, {log['seconds']} s", file=sys.stderr)


def _publish_figures(job: Job) -> None:
    """Metrics and plots are separate outputs beside the artifact, because DVC shows no file inside an output."""
    if (job.staging / SCORES).exists():
        write_atomically(job.metrics, (job.staging / SCORES).read_bytes())
        (job.staging / SCORES).unlink()
    if (job.staging / PLOTS).exists():
        replace_folder(job.staging / PLOTS, job.plots)


def _keep_drops(job: Job) -> str:
    """Puts the drops of a refused run where a user finds them. Returns a sentence on the leading reason."""
    leading = job.staged.leading_drop()
    if leading is None:
        return ""
    replace_folder(job.staging / DROPS, job.refused_drops)
    reason, value, count = leading
    where = job.refused_drops.relative_to(job.root)
    return f"most drops are {reason} ({count} rows), for example: {value}; all of them: {where}"


def _prune(work: Path) -> None:
    """Drop from the work store what the published run did not use."""
    if (work / "used").exists():
        used = set((work / "used").read_text().split())
        for folder in work.iterdir():
            if folder.is_dir() and folder.name not in used:
                shutil.rmtree(folder)
