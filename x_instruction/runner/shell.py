"""Runs any stage: makes the artifact, checks it against its suite, and publishes it completely or not at all."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Protocol

from x_instruction.runner.files import replace_folder, write_atomically, write_json
from x_instruction.runner.gate import Metric, Report, judge, load_suite, refuse
from x_instruction.runner.great_expectations import Validator
from x_instruction.runner.job import Job
from x_instruction.runner.left_overs import sweep, withdraw
from x_instruction.runner.manifest import SCORES, table_facts, write_manifest
from x_instruction.runner.one_run import one_run
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.plots import PLOTS
from x_instruction.runner.readings import Readings
from x_instruction.runner.shards import DROPS


class Stage(Protocol):
    """The functions of a stage's module: `run` writes the artifact to `job.staging`, `measure` computes its metrics."""

    def run(self, job: Job) -> Outcome: ...
    def measure(self, job: Job, outcome: Outcome) -> dict[str, Metric]: ...


def run_stage(job: Job, stage: Stage, suite: Path, readings: Readings | None = None) -> None:
    """Does the stage's work in `job.staging`, judges it by the suite, and publishes it completely or not at all.

    If parameters or dependencies have changed since the `readings` were taken, nothing is published.
    """
    expectations = load_suite(suite, job.settings)
    with Validator() as validator, one_run(job.work, f"{job.artifact} {job.partition}".strip()):
        started = time.monotonic()
        sweep(job)
        outcome = stage.run(job)
        metrics = {**table_facts(job, outcome), **stage.measure(job, outcome)}
        report = judge(job.artifact, job.partition, expectations, metrics, validator.validate)
        if readings:
            readings.refuse_changes()
        for verdict in report.warnings:
            print(f"warning: {verdict.sentence}", file=sys.stderr)
        if report.failures:
            report.save(job.refusal)
            refuse(report, job.refusal.relative_to(job.root), _keep_drops(job))
        _publish(job, outcome, report, time.monotonic() - started)


def _publish(job: Job, outcome: Outcome, report: Report, seconds: float) -> None:
    """Publishes the staged data. The previous report and figures are removed first, and the new ones are written last.

    If the run is killed in between, the data have no report, instead of the report of other data.
    """
    figures = _taken_out(job)
    manifest = write_manifest(job, outcome, figures)
    withdraw(job)
    replace_folder(job.staging, job.target)
    _publish_figures(job, figures)
    report.save(job.report)
    job.refusal.unlink(missing_ok=True)
    shutil.rmtree(job.refused_drops, ignore_errors=True)
    _prune(job.work)
    job.shared.settle()
    log = {**outcome.facts, "seconds": round(seconds, 2), "content": manifest["content"]}
    write_json(job.run_log, log)
    name = f"{job.artifact} {job.partition}".strip()
    print(f"{name}: published, {manifest['summary']}, {log['seconds']} s", file=sys.stderr)


def _taken_out(job: Job) -> Path:
    """Moves metrics and plots from the artifact to a temporary folder, and returns the folder.

    They are published as separate outputs, because DVC refuses a stage's metric or plot inside another output of the
    stage.
    """
    figures = job.staging.with_name(f".{job.staging.name}.figures")
    figures.mkdir()
    for name in (SCORES, PLOTS):
        if (job.staging / name).exists():
            (job.staging / name).rename(figures / name)
    return figures


def _publish_figures(job: Job, figures: Path) -> None:
    if (figures / SCORES).exists():
        write_atomically(job.metrics, (figures / SCORES).read_bytes())
    if (figures / PLOTS).exists():
        replace_folder(figures / PLOTS, job.plots)
    shutil.rmtree(figures)


def _keep_drops(job: Job) -> str:
    """Keeps the dropped rows of a refused run. Returns a sentence about their most frequent reason, or ""."""
    leading = job.staged.leading_drop()
    if leading is None:
        return ""
    replace_folder(job.staging / DROPS, job.refused_drops)
    where = job.refused_drops.relative_to(job.root)
    frequent = f"the most frequent reason for dropped rows is {leading.reason} ({leading.rows} rows)"
    return f"{frequent}, for example: {leading.example}; all dropped rows: {where}"


def _prune(work: Path) -> None:
    """Deletes the folders of the work store that the published run did not use."""
    if (work / "used").exists():
        # If a key is damaged in this file, the entry with the undamaged key is deleted.
        used = set((work / "used").read_text(errors="replace").split())
        for folder in work.iterdir():
            if folder.is_dir() and folder.name not in used:
                shutil.rmtree(folder)
