"""Lists the stages of a project that `dvc status` calls changed, and those that Dagster calls stale."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from dvc.repo import Repo

from dagster_project.definitions import build_definitions
from dagster_project.naming import asset_key
from dvc_project.graph import read_graph


def changed_in_dvc(root: Path) -> set[str]:
    """Stages that `dvc status` calls changed. DVC is called as a library, because its command starts slowly."""
    with Repo(str(root)) as repo:
        return {name.rpartition(":")[2] for name in repo.status()}


def stale_in_dagster(root: Path, instance: dg.DagsterInstance) -> set[str]:
    """Stages whose output Dagster shows as stale or missing."""
    assets = build_definitions(root).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, assets, LoadingContextForTest(instance))
    return {
        stage.name
        for artifact in read_graph(root).artifacts
        for stage in artifact.stages
        if resolver.get_status(asset_key(stage), stage.language) != StaleStatus.FRESH
    }


def materialize(
    project: Path | dg.Definitions,
    instance: dg.DagsterInstance,
    *keys: str,
    language: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Materializes assets, such as `iteration_1/rated_pairs`, in one Dagster run."""
    definitions = project if isinstance(project, dg.Definitions) else build_definitions(project)
    job = definitions.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
        partition_key=language,
        instance=instance,
        raise_on_error=False,
        tags=dict(tags or {}),
    )
