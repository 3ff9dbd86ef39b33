"""Computes the tags of events from `dvc.lock`, so that an asset is stale in Dagster exactly when DVC calls it changed.

For an input without partitions, Dagster compares the version that the last materialization used with the current one.
For an input with partitions, a *pointer* to an event of the input is stored, and Dagster looks for a later event with
another version. By default, Dagster stores the versions that it knew when the step began. These tags are computed from
`dvc.lock` instead, which has the versions that DVC used, also in runs outside Dagster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

from dagster_project.naming import asset_key, inputs_key
from dvc_project.graph import Graph, Stage
from dvc_project.workspace import StageState

LOCK_ENTRY_TAG = "dvc_lock_entry"
CODE_VERSION = "dvc"  # constant, because code is an input (files that DVC hashes)
VERSION, POINTER = f"{INPUT_DATA_VERSION_TAG_PREFIX}/", f"{INPUT_EVENT_POINTER_TAG_PREFIX}/"
# No event has this number, so an input with this pointer counts as changed. The number 0 would mean "no pointer".
NO_EVENT = "-1"


def observe(instance: dg.DagsterInstance, stage: Stage, state: StageState) -> bool:
    """Records the version of a stage's inputs unless Dagster knows it already. Returns whether the version was new."""
    key = inputs_key(stage)
    if latest_version(instance, key, stage.language, observed=True)[0] == state.inputs_now:
        return False
    tags = {DATA_VERSION_TAG: state.inputs_now}
    instance.report_runless_asset_event(dg.AssetObservation(key, partition=stage.language, tags=tags))
    return True


def latest_version(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None, observed: bool = False
) -> tuple[str | None, int]:
    """Latest data version of an asset's partition and the id of its event; (None, -1) if there is none."""
    record = instance.get_latest_data_version_record(key, observed, partition)
    tags = (record.event_log_entry.tags or {}) if record else {}
    return tags.get(DATA_VERSION_TAG), record.storage_id if record else -1


def version_tags(
    instance: dg.DagsterInstance, graph: Graph, stage: Stage, states: Mapping[str, StageState]
) -> dict[str, str]:
    """Tags for a materialization of `stage`, from its lock entry. Upstream artifacts must already be reported."""
    state = states[stage.name]
    tags = {CODE_VERSION_TAG: CODE_VERSION, LOCK_ENTRY_TAG: state.entry or ""}
    version, pointer = latest_version(instance, inputs_key(stage), stage.language, observed=True)
    matches = version == state.inputs_locked
    tags |= _input(inputs_key(stage), state.inputs_locked or "", pointer if matches else None)
    for key, makers in _by_asset(graph, stage).items():
        tags |= _artifact_input(instance, key, makers, state)
    return tags


def runless_tags(tags: Mapping[str, str], version: str) -> dict[str, str]:
    """Adds the data version to the tags of an event outside a run, because Dagster adds it only in a run."""
    return {**tags, DATA_VERSION_TAG: version, DATA_VERSION_IS_USER_PROVIDED_TAG: "true"}


def matches_again(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Whether any input is unchanged in the `new` tags, but is changed or has another version in the `old` tags."""
    for name, pointer in new.items():
        if name.startswith(POINTER) and pointer != NO_EVENT:
            version = f"{VERSION}{name.removeprefix(POINTER)}"
            if old.get(name) == NO_EVENT or old.get(version) != new[version]:
                return True
    return False


def _by_asset(graph: Graph, stage: Stage) -> dict[dg.AssetKey, list[tuple[str, Stage]]]:
    found: dict[dg.AssetKey, list[tuple[str, Stage]]] = defaultdict(list)
    for path, name in stage.upstream:
        maker = graph.stages[name]
        found[asset_key(maker)].append((path, maker))
    return found


def _artifact_input(
    instance: dg.DagsterInstance, key: dg.AssetKey, makers: list[tuple[str, Stage]], state: StageState
) -> dict[str, str]:
    latest = {maker.name: latest_version(instance, key, maker.language) for _, maker in makers}
    pointer = max(pointer for _, pointer in latest.values())
    matches = all(
        latest[maker.name][0] == state.locked.get(path) if path == maker.output else _unchanged(state, path)
        for path, maker in makers
    )
    version = state.locked.get(makers[0][0], "")
    if len(latest) == 1 and matches:
        # The hash of the path is not the version if the path is a parent folder of the artifact or another output.
        version = latest[makers[0][1].name][0] or ""
    return _input(key, version, pointer if matches else None)


def _unchanged(state: StageState, path: str) -> bool:
    return path in state.locked and state.locked[path] == state.now.get(path)


def _input(key: dg.AssetKey, version: str, pointer: int | None) -> dict[str, str]:
    return {
        get_input_data_version_tag(key): version,
        get_input_event_pointer_tag(key): NO_EVENT if pointer is None else str(pointer),
    }
