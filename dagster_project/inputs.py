"""Observed assets `inputs/…`: a single version for a stage's code, settings and given data, from DVC's hashes.

Dagster's own code version cannot be used for this, because it does not change after Dagster has loaded the project.
"""

import dagster as dg

from dagster_project.assets import partitions_of
from dagster_project.failures import in_one_sentence
from dagster_project.naming import INPUTS, inputs_key
from dvc_project.graph import Artifact, Graph
from dvc_project.project import read_settings
from dvc_project.workspace import read_workspace


def build_inputs(graph: Graph, artifact: Artifact) -> dg.SourceAsset:
    partitions = partitions_of(artifact)
    key = inputs_key(artifact)

    @dg.observable_source_asset(
        name=key.path[-1],
        key_prefix=list(key.path[:-1]),
        group_name=INPUTS,
        partitions_def=partitions,
        description=_description(artifact),
    )
    def inputs() -> dg.DataVersion | dg.DataVersionsByPartition:
        with in_one_sentence():
            read_settings(graph.root)
            states = read_workspace(graph, {stage.name for stage in artifact.stages})
        if partitions is None:
            return dg.DataVersion(states[artifact.stages[0].name].inputs_now)
        return dg.DataVersionsByPartition(
            {str(stage.language): states[stage.name].inputs_now for stage in artifact.stages}
        )

    return inputs


def _description(artifact: Artifact) -> str:
    first = artifact.stages[0]
    example = f" (shown for {first.language})" if first.language else ""
    files = "\n".join(f"- `{path}`" for path in first.sources)
    return f"The inputs of the stage: its command, its parameters, and these files and folders{example}:\n\n{files}"
