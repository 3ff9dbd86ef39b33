"""The graph of `dvc.yaml`, read once through DVC's own resolver into an immutable record.

A stage named `filtered_text@fi` with the output `data/filtered_text/fi` is the partition `fi` of the artifact
`filtered_text`; with `data/rated_pairs/iteration_1/fi` it is that of `rated_pairs` in `iteration_1`. A dependency
that lies in another stage's output, or holds it, is an edge; every other dependency is a source of the stage.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from dvc.stage import PipelineStage

from dvc_project.project import open_project

REPORTS, METRICS, PLOTS = PurePosixPath("data/quality"), PurePosixPath("data/metrics"), PurePosixPath("data/plots")


@dataclass(frozen=True)
class Stage:
    """One DVC stage: one partition of one artifact. `name` is what `dvc repro` takes."""

    name: str
    artifact: str
    iteration: str | None
    language: str | None
    description: str
    output: str
    report: str | None
    upstream: tuple[tuple[str, str], ...]  # (dependency's path, name of a stage that makes it)
    sources: tuple[str, ...]  # dependencies that no stage makes: code, suites, settings files, given data


@dataclass(frozen=True)
class Artifact:
    """What becomes one asset: the stages of one artifact, one per language or a single one."""

    name: str
    iteration: str | None
    description: str
    stages: tuple[Stage, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(stage.language for stage in self.stages if stage.language)

    def stage(self, language: str | None) -> Stage:
        return next(stage for stage in self.stages if stage.language == language)


@dataclass(frozen=True)
class Graph:
    root: Path
    stages: dict[str, Stage]
    artifacts: tuple[Artifact, ...]  # in topological order

    def artifact_of(self, stage: Stage) -> Artifact:
        return next(one for one in self.artifacts if stage in one.stages)

    def ancestors(self, artifact: Artifact) -> list[Artifact]:
        """All artifacts an artifact is made from, near and far."""
        found: list[Artifact] = []
        waiting = [artifact]
        while waiting:
            near = self.upstream(waiting.pop())
            fresh = [one for one in self.artifacts if (one.name, one.iteration) in near and one not in found]
            found += fresh
            waiting += fresh
        return found

    def upstream(self, artifact: Artifact) -> dict[tuple[str, str | None], dict[str | None, set[str | None]]]:
        """For each upstream artifact (name, iteration): the languages of it that each own language needs."""
        found: dict[tuple[str, str | None], dict[str | None, set[str | None]]] = {}
        for stage in artifact.stages:
            for _, name in stage.upstream:
                maker = self.stages[name]
                needs = found.setdefault((maker.artifact, maker.iteration), defaultdict(set))
                needs[stage.language].add(maker.language)
        return found


def read_graph(root: Path) -> Graph:
    """Read `dvc.yaml` of the project at `root`."""
    with open_project(root) as project:
        iterations = set(_params(root).get("iterations") or ())
        made = {name: _made_paths(stage) for name, stage in project.stages.items()}
        stages = {name: _stage(stage, made, iterations) for name, stage in project.stages.items()}
    return Graph(root, stages, _artifacts(stages))


def _params(root: Path) -> dict[str, Any]:
    path = root / "params.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}


def _data_output(stage: PipelineStage) -> str:
    """The artifact itself: neither the gate's report nor figures."""
    beside = (REPORTS, METRICS, PLOTS)
    paths = [PurePosixPath(out.def_path) for out in stage.outs]
    return next(str(path) for path in paths if not any(path.is_relative_to(folder) for folder in beside))


def _made_paths(stage: PipelineStage) -> list[str]:
    """What later stages may read of a stage: its artifact and its figures, but not the gate's report."""
    paths = [PurePosixPath(out.def_path) for out in stage.outs]
    return [str(path) for path in paths if not path.is_relative_to(REPORTS)]


def _stage(stage: PipelineStage, made: dict[str, list[str]], iterations: set[str]) -> Stage:
    artifact = stage.name.split("@")[0]
    output = _data_output(stage)
    names = PurePosixPath(output).relative_to(PurePosixPath("data", artifact)).parts
    reports = [out.def_path for out in stage.outs if PurePosixPath(out.def_path).is_relative_to(REPORTS)]
    paths = [dep.def_path for dep in stage.deps if dep.hash_name != "params"]
    upstream = tuple(
        (path, name) for path in paths for name, outs in made.items() if any(_overlap(path, out) for out in outs)
    )
    from_artifacts = {path for path, _ in upstream}
    return Stage(
        name=stage.name,
        artifact=artifact,
        iteration=next((name for name in names if name in iterations), None),
        language=next((name for name in names if name not in iterations), None),
        description=stage.desc or "",
        output=output,
        report=reports[0] if reports else None,
        upstream=upstream,
        sources=tuple(path for path in paths if path not in from_artifacts),
    )


def _overlap(one: str, other: str) -> bool:
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


def _artifacts(stages: dict[str, Stage]) -> tuple[Artifact, ...]:
    """Stages by artifact and iteration, upstream first."""
    groups: dict[tuple[str, str | None], list[Stage]] = defaultdict(list)
    for stage in stages.values():
        groups[stage.artifact, stage.iteration].append(stage)
    edges = {
        key: {(stages[name].artifact, stages[name].iteration) for stage in group for _, name in stage.upstream}
        for key, group in groups.items()
    }
    order = TopologicalSorter(edges).static_order()
    return tuple(Artifact(*key, groups[key][0].description, tuple(groups[key])) for key in order)
