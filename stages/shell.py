"""The one shell around every stage: settings, work, gate, publish.

    python -m stages ARTIFACT [ITERATION] [LANGUAGE]

Prints one clear line and exits with 1 when the user can mend it; a traceback is for our own bugs only.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import time
from pathlib import Path

from stages.code import stage_code_hash
from stages.errors import SettingsError, XInstructionError
from stages.files import replace_folder, write_json
from stages.gate import Judge, load_suite, refuse
from stages.job import Job
from stages.manifest import table_facts, write_manifest
from stages.processes import die_with_parent, quiet_libraries
from stages.settings import Settings, load_settings

ARTIFACTS = (
    "raw_web_text",
    "filtered_text",
    "seed_pairs",
    "base_model",
    "instruction_model",
    "candidate_pairs",
    "response_model",
    "evaluator",
    "rated_pairs",
    "refined_pairs",
    "diversified_set",
    "tuned_model",
    "eval_scores",
)


# What a partition of an artifact is named by, in this order; the others are one whole.
PARTITIONED = {
    "iteration": ("response_model", "evaluator", "rated_pairs"),
    "language": (
        "raw_web_text", "filtered_text", "seed_pairs", "candidate_pairs", "rated_pairs", "refined_pairs",
        "diversified_set", "eval_scores",
    ),
}  # fmt: skip


def _named(kinds: list[str]) -> str:
    return " and ".join(f"one {kind}" for kind in kinds) or "neither iteration nor language"


def run_stage(job: Job) -> None:
    """Do the stage's work in `job.staging`, judge it, publish it whole or not at all."""
    started = time.monotonic()
    stage = importlib.import_module(f"stages.{job.artifact}")
    suite = load_suite(job.root / "stages" / "expectations" / f"{job.artifact}.yaml", job.settings)
    with Judge() as judge:
        shutil.rmtree(job.staging, ignore_errors=True)
        job.staging.mkdir(parents=True)
        stage.run(job)
        metrics = {**table_facts(job), **stage.measure(job)}
        report = judge.report(job.artifact, job.partition, suite, metrics)
    report.save(job.refusal if report.failures else job.report)
    for verdict in report.warnings:
        print(f"warning: expected {verdict.rule}, met {verdict.met} ({verdict.because})", file=sys.stderr)
    refuse(report, job.refusal.relative_to(job.root))
    job.refusal.unlink(missing_ok=True)
    manifest = write_manifest(job)
    replace_folder(job.staging, job.target)
    _prune(job.work)
    job.shared.settle()
    log = {**job.facts, "seconds": round(time.monotonic() - started, 2), "content": manifest["content"]}
    write_json(job.root / "data" / "runs" / job.artifact / f"{job.partition or 'all'}.json", log)
    print(f"{job.artifact} {job.partition}: published, {manifest['summary']}, {log['seconds']} s", file=sys.stderr)


def _prune(work: Path) -> None:
    """Drop from the work store what the published run did not use."""
    if (work / "used").exists():
        used = set((work / "used").read_text().split())
        for folder in work.iterdir():
            if folder.is_dir() and folder.name not in used:
                shutil.rmtree(folder)


def make_job(artifact: str, names: list[str], settings: Settings, root: Path) -> Job:
    """Sort the names after the artifact into iteration and language.

    Raises SettingsError for a name that params.yaml does not list.
    """
    iteration = language = None
    for name in names:
        if name in settings.iterations:
            iteration = name
        elif name in settings.languages:
            language = name
        else:
            known = ", ".join([*settings.languages, *settings.iterations])
            raise SettingsError(f"'{name}' is neither a language nor an iteration of params.yaml ({known})")
    wanted = [kind for kind, artifacts in PARTITIONED.items() if artifact in artifacts]
    given = [kind for kind, name in (("iteration", iteration), ("language", language)) if name]
    if given != wanted or len(names) != len(wanted):
        usage = " ".join([artifact, *(kind.upper() for kind in wanted)])
        raise SettingsError(f"{artifact} is made by `python -m stages {usage}`: give {_named(wanted)}")
    partition = Path(artifact, iteration or "", language or "")
    return Job(
        artifact=artifact,
        language=language,
        iteration=iteration,
        settings=settings,
        root=root,
        staging=root / "data" / ".staging" / partition,
        work=root / "data" / ".work" / partition,
        code=stage_code_hash(artifact, root),
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m stages", description="Make one partition of one artifact.")
    parser.add_argument("artifact", choices=ARTIFACTS)
    parser.add_argument("names", nargs="*", metavar="ITERATION|LANGUAGE")
    options = parser.parse_args(arguments)
    die_with_parent()
    try:
        settings = load_settings(Path("params.yaml"))
        quiet_libraries(settings.execution.threads)
        run_stage(make_job(options.artifact, options.names, settings, Path.cwd()))
    except XInstructionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
