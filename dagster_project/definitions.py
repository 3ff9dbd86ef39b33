"""All Dagster definitions, built from the graph of the project at `root`."""

from __future__ import annotations

import warnings
from pathlib import Path

import dagster as dg

from dagster_project.assets import build_asset
from dagster_project.inputs import build_inputs
from dagster_project.sensor import build_check_job, build_sensor
from dvc_project.graph import Graph, read_graph
from x_instruction.runner.errors import XInstructionError


def build_definitions(root: Path) -> dg.Definitions:
    # Dagster marks observable sources and partitions of checks as beta; the pinned version supports both.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        warnings.simplefilter("ignore", category=dg.PreviewWarning)
        return _definitions(read_graph(root))


def _definitions(graph: Graph) -> dg.Definitions:
    assets = [build_asset(graph, artifact) for artifact in graph.artifacts]
    check_job = build_check_job(graph)
    everything = dg.define_asset_job(
        "everything", dg.AssetSelection.assets(*assets), description="Every artifact in every language"
    )
    return dg.Definitions(
        assets=[*assets, *(build_inputs(graph, artifact) for artifact in graph.artifacts)],
        jobs=[check_job, everything],
        sensors=[build_sensor(graph, check_job)],
        # A step costs 4 s in a separate process and only 1.5 s in the process of the run. Languages are built in
        # separate runs, so steps need no separate processes.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of this project, for `dagster dev -m dagster_project.definitions` and `dg`."""
    try:
        return build_definitions(Path(__file__).resolve().parents[1])
    except XInstructionError as error:
        raise error.with_traceback(None) from None  # otherwise Dagster prints the whole stack
