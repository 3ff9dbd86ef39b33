"""The only place that decides how parts of the graph are named and grouped in Dagster."""

from __future__ import annotations

import dagster as dg

from dvc_project.graph import Artifact, Graph, Stage

INPUTS = "inputs"
OTHER_KINDS = {"report": "html", "row_index": "numpy"}


def asset_key(artifact: Artifact | Stage) -> dg.AssetKey:
    name = artifact.artifact if isinstance(artifact, Stage) else artifact.name
    return key_of(name, artifact.iteration)


def key_of(name: str, iteration: str | None) -> dg.AssetKey:
    return dg.AssetKey([iteration, name] if iteration else [name])


def inputs_key(artifact: Artifact | Stage) -> dg.AssetKey:
    """Key of the observed asset for a stage's inputs other than artifacts: code, settings and given data."""
    return asset_key(artifact).with_prefix(INPUTS)


def group(graph: Graph, artifact: Artifact) -> str:
    """The group in the UI: an iteration, `preparation` for artifacts before the iterations, `release` after them."""
    if artifact.iteration:
        return artifact.iteration
    return "release" if any(ancestor.iteration for ancestor in graph.ancestors(artifact)) else "preparation"


def kinds(artifact: Artifact) -> set[str]:
    if artifact.name in OTHER_KINDS:
        return {"dvc", OTHER_KINDS[artifact.name]}
    return {"dvc", "safetensors" if artifact.name.endswith(("model", "evaluator")) else "parquet"}


def check_name(metric: str, rules: list[str]) -> str:
    return "_".join([metric, *rules])


def display_name(stage: Stage) -> str:
    """The name of a stage in messages: `iteration_1/rated_pairs [fi]`."""
    name = asset_key(stage).to_user_string()
    return f"{name} [{stage.language}]" if stage.language else name
