"""Builds the Dagster asset of an artifact, which runs the artifact's DVC stage and reports the result."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from dagster_project.checks import check_results, check_specs, read_refusal, read_report, refusal_mark
from dagster_project.data_versions import observe, version_tags
from dagster_project.failures import in_one_sentence
from dagster_project.metadata import published_metadata
from dagster_project.naming import asset_key, display_name, group, inputs_key, key_of, kinds
from dagster_project.requested import requested_stages
from dvc_project.dvc_command import reproduce
from dvc_project.graph import Artifact, Graph, Stage
from dvc_project.project import read_settings
from dvc_project.refusals import refuse_early
from dvc_project.workspace import read_workspace

LAST_LINES = 15


def partitions_of(artifact: Artifact) -> dg.StaticPartitionsDefinition | None:
    return dg.StaticPartitionsDefinition(list(artifact.languages)) if artifact.languages else None


def build_asset(graph: Graph, artifact: Artifact) -> dg.AssetsDefinition:
    partitions = partitions_of(artifact)

    @dg.asset(
        key=asset_key(artifact),
        deps=_deps(graph, artifact),
        partitions_def=partitions,
        check_specs=check_specs(graph.root, artifact, partitions),
        group_name=group(graph, artifact),
        kinds=kinds(artifact),
        description=artifact.description,
        code_version="dvc",
        output_required=False,
        metadata={"stages": dg.MetadataValue.text(", ".join(stage.name for stage in artifact.stages))},
    )
    def materialize(context: dg.AssetExecutionContext) -> Iterator[Any]:
        language = context.partition_key if partitions else None  # the run of a model may have a language too
        with in_one_sentence():
            yield from _materialize(context, graph, artifact.stage(language))

    return materialize


def _deps(graph: Graph, artifact: Artifact) -> list[dg.AssetDep]:
    """The asset `inputs/…`, and the upstream artifacts, each with a mapping of its languages to those of `artifact`."""
    artifacts = {(other.name, other.iteration): other for other in graph.artifacts}
    deps = [dg.AssetDep(inputs_key(artifact))]
    for key, needs in graph.upstream(artifact).items():
        deps.append(dg.AssetDep(key_of(*key), partition_mapping=_mapping(artifacts[key], artifact, needs)))
    return deps


def _mapping(
    upstream: Artifact, artifact: Artifact, needs: Mapping[str | None, set[str | None]]
) -> dg.PartitionMapping | None:
    if not upstream.languages:
        return None
    if all(needed == set(upstream.languages) for needed in needs.values()):
        return dg.AllPartitionMapping()
    if not artifact.languages:
        return dg.SpecificPartitionsPartitionMapping([code for code in upstream.languages if code in needs[None]])
    users = {code: {str(user) for user, needed in needs.items() if code in needed} for code in upstream.languages}
    return dg.StaticPartitionMapping(users)


def _materialize(context: dg.AssetExecutionContext, graph: Graph, stage: Stage) -> Iterator[Any]:
    settings = read_settings(graph.root)  # raises for a wrong value and for an outdated dvc.yaml
    # Every step checks the whole run, because after a failure, Dagster goes on with the steps that do not depend on it.
    refuse_early(graph, settings, requested_stages(context, graph))
    _require_upstream(graph, stage)
    before = refusal_mark(graph.root, stage)
    status, lines = reproduce(graph.root, stage.name, context.log.info)
    if status:
        yield from _failed(graph, stage, before, lines)
    states = read_workspace(graph, {stage.name})
    observe(context.instance, stage, states[stage.name])
    version = states[stage.name].version
    if version is None:
        raise dg.Failure(f"dvc succeeded but dvc.lock has no entry for {stage.name}", allow_retries=False)
    for result in check_results(graph.root, stage, read_report(graph.root, stage)):
        yield dg.AssetCheckResult(**result)
    yield dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata=published_metadata(graph.root, stage, version),
        tags=version_tags(context.instance, graph, stage, states),
    )


def _require_upstream(graph: Graph, stage: Stage) -> None:
    """Raises Failure if an upstream artifact is missing, because an asset runs its own stage only."""
    makers = {name: graph.stages[name] for _, name in stage.upstream}
    absent = [display_name(maker) for maker in makers.values() if not (graph.root / maker.output).exists()]
    if absent:
        raise dg.Failure(
            f"{display_name(stage)} is made from {', '.join(absent)}, which does not exist: materialize it first",
            allow_retries=False,
        )


def _failed(graph: Graph, stage: Stage, before: tuple[int, int] | None, lines: list[str]) -> Iterator[Any]:
    """Shows the checks if this run wrote a report, then fails without a retry, which would give the same result."""
    report = read_refusal(graph.root, stage) if refusal_mark(graph.root, stage) != before else {}
    for result in check_results(graph.root, stage, report) if report else ():
        yield dg.AssetCheckResult(**result)
    raise dg.Failure("\n".join([f"{display_name(stage)} was not made", *lines[-LAST_LINES:]]), allow_retries=False)
