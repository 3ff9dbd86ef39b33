"""The sensor that keeps Dagster up to date: it observes inputs and reports what `dvc repro` made outside Dagster."""

import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from dagster._core.storage.tags import PARTITION_NAME_TAG

from dagster_project.checks import check_results, read_report
from dagster_project.data_versions import LOCK_ENTRY_TAG, matches_again, observe, runless_tags, version_tags
from dagster_project.metadata import published_metadata
from dagster_project.naming import asset_key, display_name
from dvc_project.graph import Graph, Stage
from dvc_project.project import read_settings
from dvc_project.workspace import StageState, read_workspace
from x_instruction.runner.errors import XInstructionError

INTERVAL_SECONDS = 15
Partition = tuple[dg.AssetKey, str | None]


def report_outside(instance: dg.DagsterInstance, graph: Graph, busy: Collection[Partition] = ()) -> list[Stage]:
    """Report every change in the workspace to Dagster, except for the busy partitions.

    Returns the stages that were reported as made, upstream first.
    """
    states = read_workspace(graph)
    reported = []
    for artifact in graph.artifacts:
        for stage in artifact.stages:
            if stage.name not in states or (asset_key(stage), stage.language) in busy:
                continue
            observe(instance, stage, states[stage.name])
            if _report(instance, graph, stage, states):
                reported.append(stage)
    return reported


def _report(instance: dg.DagsterInstance, graph: Graph, stage: Stage, states: dict[str, StageState]) -> bool:
    version = states[stage.name].version
    if version is None:
        return False
    tags = version_tags(instance, graph, stage, states)
    record = instance.get_latest_data_version_record(asset_key(stage), False, stage.language)
    known = (record.event_log_entry.tags or {}) if record else {}
    if known.get(LOCK_ENTRY_TAG) == tags[LOCK_ENTRY_TAG] and not matches_again(known, tags):
        return False
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key(stage),
            partition=stage.language,
            description="made outside Dagster, reported from dvc.lock",
            metadata=published_metadata(graph.root, stage, version),
            tags=runless_tags(tags, version),
        )
    )
    return True


def _busy(instance: dg.DagsterInstance) -> set[Partition]:
    """Partitions that a run of Dagster is making; the run will report them itself."""
    runs = instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES))
    return {(key, run.tags.get(PARTITION_NAME_TAG)) for run in runs for key in run.asset_selection or ()}


def fingerprint(graph: Graph) -> str:
    """A value that changes when a file of the graph changes. It uses sizes and times, because hashing takes seconds."""
    state = hashlib.md5(repr(sorted(graph.stages)).encode(), usedforsecurity=False)
    paths = {"dvc.yaml", "dvc.lock", "params.yaml"}
    for stage in graph.stages.values():
        paths |= {*stage.sources, stage.output, *([stage.report] if stage.report else [])}
    for path in sorted(paths):
        for file in files_under(graph.root / path):
            found = file.stat()
            state.update(f"{file} {found.st_size} {found.st_mtime_ns} {found.st_ino}\n".encode())
    return state.hexdigest()


def files_under(path: Path) -> list[Path]:
    """The file itself, or all files of the folder except compiled code, which DVC ignores too."""
    if not path.is_dir():
        return [path] if path.exists() else []
    return [
        Path(folder, name)
        for folder, _, names in sorted(os.walk(path))
        if not folder.endswith("__pycache__")
        for name in sorted(names)
        if not name.endswith(".pyc")
    ]


def build_check_job(graph: Graph) -> dg.JobDefinition:
    """The job that reports checks. Outside jobs, Dagster 1.13 keeps only one evaluation per check and partition."""

    @dg.op(config_schema={"stages": [str]}, name="report_checks_of_stages")
    def report(context: dg.OpExecutionContext) -> None:
        for name in context.op_config["stages"]:
            for evaluation in _evaluations(graph, graph.stages[name]):
                context.log_event(evaluation)

    @dg.job(name="report_checks", description="Reports the checks of artifacts that were made outside Dagster")
    def report_checks() -> None:
        report()

    return report_checks


def _evaluations(graph: Graph, stage: Stage) -> Iterator[Any]:
    for result in check_results(graph.root, stage, read_report(graph.root, stage)):
        yield dg.AssetCheckEvaluation(**result, partition=stage.language)


def _check_runs(stages: list[Stage]) -> list[dg.RunRequest]:
    if not stages:
        return []
    config = {"ops": {"report_checks_of_stages": {"config": {"stages": [stage.name for stage in stages]}}}}
    return [
        dg.RunRequest(
            run_config=config, tags={"made_outside": ", ".join(display_name(stage) for stage in stages)[:200]}
        )
    ]


def build_sensor(graph: Graph, check_job: dg.JobDefinition) -> dg.SensorDefinition:
    @dg.sensor(
        name="dvc_changes",
        job=check_job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Observes the stages' inputs and reports what `dvc repro` made outside Dagster",
    )
    def dvc_changes(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        seen, busy = fingerprint(graph), _busy(context.instance)
        if seen == context.cursor:
            return dg.SkipReason("nothing changed in the workspace")
        try:
            read_settings(graph.root)
            stages = report_outside(context.instance, graph, busy)
        except XInstructionError as error:
            return dg.SkipReason(str(error))
        # While a run makes a partition, the cursor stays, so that the sensor looks at the partition again afterwards.
        return dg.SensorResult(run_requests=_check_runs(stages), cursor=context.cursor if busy else seen)

    return dvc_changes
