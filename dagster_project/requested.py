"""Finds the stages that a user materializes: those of a run, or those of all runs of a backfill."""

from __future__ import annotations

import dagster as dg
from dagster._core.storage.tags import BACKFILL_ID_TAG, PARTITION_NAME_TAG

from dagster_project.naming import asset_key
from dvc_project.graph import Graph, Stage


def requested_stages(context: dg.AssetExecutionContext, graph: Graph) -> list[Stage]:
    """The stages of the run and, if the run belongs to a backfill, those of the whole backfill.

    *Materialize all* is a backfill: each language has its own runs, and the last run may start hours after the first.
    """
    wanted = _of_run(context) | _of_backfill(context)
    return [stage for stage in graph.stages.values() if (asset_key(stage), stage.language) in wanted]


def _of_run(context: dg.AssetExecutionContext) -> set[tuple[dg.AssetKey, str | None]]:
    keys = context.job_def.asset_layer.selected_asset_keys
    return {(key, language) for key in keys for language in (None, context.run.tags.get(PARTITION_NAME_TAG))}


def _of_backfill(context: dg.AssetExecutionContext) -> set[tuple[dg.AssetKey, str | None]]:
    identifier = context.run.tags.get(BACKFILL_ID_TAG)
    backfill = context.instance.get_backfill(identifier) if identifier else None
    if backfill is None or not backfill.is_asset_backfill:
        return set()
    target = backfill.get_asset_backfill_data(context.job_def.asset_layer.asset_graph).target_subset
    return {(partition.asset_key, partition.partition_key) for partition in target.iterate_asset_partitions()}
