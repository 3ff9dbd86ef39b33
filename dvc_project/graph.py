"""The graph of `dvc.yaml`, in which DVC has resolved `foreach`, `matrix` and all variables.

The stage `filtered_text@fi` with the output `data/filtered_text/fi` makes the partition `fi` of the artifact
`filtered_text`. The output `data/rated_pairs/iteration_1/fi` is the partition `fi` of `rated_pairs` in `iteration_1`. A
dependency of a stage is an edge of the graph if it lies in another stage's output or contains that output; any other
dependency is a source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

from dvc.dependency import ParamsDependency
from dvc.stage import PipelineStage

from dvc_project.project import open_project, read_settings
from x_instruction.runner.errors import InputError

REPORTS = PurePosixPath("data/quality")


@dataclass(frozen=True)
class Stage:
    """A DVC stage, which makes one partition of an artifact."""

    name: str
    artifact: str
    iteration: str | None
    language: str | None
    description: str
    output: str
    report: str | None
    upstream: tuple[tuple[str, str], ...]  # (path of a dependency, name of a stage that makes it)
    sources: tuple[str, ...]  # dependencies that no stage makes: code, suites, settings files, given data
    sections: frozenset[str] = frozenset()  # sections of params.yaml that it reads


@dataclass(frozen=True)
class Artifact:
    """One Dagster asset: the stages of an artifact and iteration, either one per language or a single stage."""

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

    def ancestors(self, artifact: Artifact) -> list[Artifact]:
        """All artifacts on which an artifact depends, directly or not."""
        found: list[Artifact] = []
        waiting = [artifact]
        while waiting:
            direct = self.upstream(waiting.pop())
            new = [other for other in self.artifacts if (other.name, other.iteration) in direct and other not in found]
            found += new
            waiting += new
        return found

    def upstream(self, artifact: Artifact) -> dict[tuple[str, str | None], dict[str | None, set[str | None]]]:
        """Maps each direct upstream artifact (name, iteration) to a mapping between languages.

        That mapping has, for each language of `artifact`, the languages of the upstream artifact that it needs.
        """
        found: dict[tuple[str, str | None], dict[str | None, set[str | None]]] = {}
        for stage in artifact.stages:
            for _, name in stage.upstream:
                maker = self.stages[name]
                needs = found.setdefault((maker.artifact, maker.iteration), defaultdict(set))
                needs[stage.language].add(maker.language)
        return found

    def downstream(self, names: Collection[str]) -> set[str]:
        """Names of all stages that depend on the named ones, directly or not."""
        found: set[str] = set()
        new = set(names)
        while new:
            users = {stage.name for stage in self.stages.values() if any(maker in new for _, maker in stage.upstream)}
            new = users - found
            found |= new
        return found


def read_graph(root: Path) -> Graph:
    """Read `dvc.yaml` of the project at `root`. Raises XInstructionError for wrong settings or a wrong graph."""
    iterations = read_settings(root).iterations
    with open_project(root) as project:
        made = {name: _read_by_others(stage) for name, stage in project.stages.items()}
        stages = {name: _stage(stage, made, iterations) for name, stage in project.stages.items()}
    return Graph(root, stages, _artifacts(stages))


def _outs(stage: PipelineStage) -> list[PurePosixPath]:
    return [PurePosixPath(out.def_path) for out in stage.outs]


def _read_by_others(stage: PipelineStage) -> list[PurePosixPath]:
    """The outputs of a stage that later stages may read: its artifact, figures and plots, but not the gate's report."""
    return [path for path in _outs(stage) if not path.is_relative_to(REPORTS)]


def _artifact_path(stage: PipelineStage, folder: PurePosixPath) -> PurePosixPath:
    for path in _outs(stage):
        if path.is_relative_to(folder):
            return path
    raise InputError(f"dvc.yaml: the stage {stage.name} has no output under {folder}, where its artifact must lie")


def _stage(stage: PipelineStage, made: Mapping[str, Sequence[PurePosixPath]], iterations: Collection[str]) -> Stage:
    artifact = stage.name.split("@")[0]
    folder = PurePosixPath("data", artifact)
    output = _artifact_path(stage, folder)
    names = output.relative_to(folder).parts
    paths = [PurePosixPath(dep.def_path) for dep in stage.deps if dep.hash_name != "params"]
    upstream = [(path, name) for path in paths for name, outs in made.items() if any(_overlap(path, o) for o in outs)]
    from_artifacts = {path for path, _ in upstream}
    return Stage(
        name=stage.name,
        artifact=artifact,
        iteration=next((name for name in names if name in iterations), None),
        language=next((name for name in names if name not in iterations), None),
        description=stage.desc or "",
        output=str(output),
        report=next((str(path) for path in _outs(stage) if path.is_relative_to(REPORTS)), None),
        upstream=tuple((str(path), name) for path, name in upstream),
        sources=tuple(str(path) for path in paths if path not in from_artifacts and not path.is_relative_to(REPORTS)),
        sections=_sections(stage),
    )


def _sections(stage: PipelineStage) -> frozenset[str]:
    """The first parts of the stage's `params`, such as `prompts` of `prompts.chat_template`."""
    keys = (key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params)
    return frozenset(key.split(".")[0] for key in keys)


def _overlap(path: PurePosixPath, other: PurePosixPath) -> bool:
    return path.is_relative_to(other) or other.is_relative_to(path)


def _artifacts(stages: dict[str, Stage]) -> tuple[Artifact, ...]:
    """Stages by artifact and iteration, upstream first."""
    groups: dict[tuple[str, str | None], list[Stage]] = defaultdict(list)
    for stage in stages.values():
        groups[stage.artifact, stage.iteration].append(stage)
    edges = {
        key: {(stages[name].artifact, stages[name].iteration) for stage in group for _, name in stage.upstream}
        for key, group in groups.items()
    }
    try:
        order = list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        names = " from ".join("/".join(filter(None, key)) for key in error.args[1])
        raise InputError(f"dvc.yaml makes {names}: correct the paths in params.yaml, then run `make graph`") from None
    return tuple(Artifact(*key, groups[key][0].description, tuple(groups[key])) for key in order)
