"""How things of the graph are called and grouped in Dagster: decided here and nowhere else."""

from __future__ import annotations

import dagster as dg

from dvc_project.graph import Artifact, Graph, Stage

INPUTS = "inputs"


def asset_key(artifact: Artifact | Stage) -> dg.AssetKey:
    name = artifact.artifact if isinstance(artifact, Stage) else artifact.name
    return key_of(name, artifact.iteration)


def key_of(name: str, iteration: str | None) -> dg.AssetKey:
    return dg.AssetKey([iteration, name] if iteration else [name])


def inputs_key(artifact: Artifact | Stage) -> dg.AssetKey:
    """The observed asset that stands for all a stage reads beside artifacts: code, settings, given data."""
    return asset_key(artifact).with_prefix(INPUTS)


def group(graph: Graph, artifact: Artifact) -> str:
    """The group in the UI: the iteration, or whether what it is made from comes out of an iteration."""
    if artifact.iteration:
        return artifact.iteration
    return "release" if any(one.iteration for one in graph.ancestors(artifact)) else "preparation"


def kinds(artifact: Artifact) -> set[str]:
    return {"dvc", "safetensors" if artifact.name.endswith(("model", "evaluator")) else "parquet"}


def check_name(metric: str, rules: list[str]) -> str:
    return "_".join([metric, *rules])


def shown(stage: Stage) -> str:
    """A stage as a person reads it: `iteration_1/rated_pairs [fi]`."""
    name = asset_key(stage).to_user_string()
    return f"{name} [{stage.language}]" if stage.language else name
