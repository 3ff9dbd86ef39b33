"""The state of the workspace and the state in `dvc.lock`, as versions that Dagster can compare.

`dvc status` calls a stage changed if its command, a parameter, a source file, an input artifact or an output differs
from the entry in `dvc.lock`. Dagster compares the versions of the input artifacts itself. Everything else is combined
into one version per stage: `inputs_now` equals `inputs_locked` if and only if DVC finds no change in any of it, and no
input artifact on disk differs from its entry in `dvc.lock`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import dpath
from dvc.dependency import ParamsDependency
from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.stage import PipelineStage
from dvc.utils.serialize import load_path

from dvc_project.graph import Graph, Stage
from dvc_project.irregular_files import refuse_irregular
from dvc_project.project import open_project


@dataclass(frozen=True)
class StageState:
    """One stage in `dvc.lock` and on disk. The values from `dvc.lock` are None or empty if the stage never ran."""

    entry: str | None  # digest of its entry in dvc.lock
    version: str | None  # DVC's hash of the data output, from dvc.lock
    inputs_locked: str | None
    inputs_now: str
    locked: dict[str, str]  # hash of each dependency, by path
    now: dict[str, str | None]  # hash of each input artifact as it was found, by path


def read_workspace(graph: Graph, names: Collection[str] | None = None) -> dict[str, StageState]:
    """State of the named stages (all by default)."""
    refuse_irregular(graph, names)
    with open_project(graph.root) as project:
        changed, params = _Changed(project.stages), _Params()
        return {
            name: _state(graph, graph.stages[name], project.stages[name], project.entries.get(name), changed, params)
            for name in graph.stages
            if name in project.stages and (names is None or name in names)
        }


class _Changed:
    """Whether an output differs from its entry in `dvc.lock`; each output is compared once."""

    def __init__(self, found: dict[str, PipelineStage]) -> None:
        self._outs = {out.def_path: out for stage in found.values() for out in stage.outs}
        self._known: dict[str, bool] = {}

    def __call__(self, path: str) -> bool:
        if path not in self._known:
            self._known[path] = bool(self._outs[path].status())
        return self._known[path]


class _Params:
    """Values of the parameters on which a stage depends. Each file is parsed once, as parsing takes 0.05 s."""

    def __init__(self) -> None:
        self._files: dict[str, Any] = {}

    def __call__(self, found: PipelineStage) -> dict[str, Any]:
        return {dep.def_path: self._values(dep) for dep in found.deps if isinstance(dep, ParamsDependency)}

    def _values(self, dep: ParamsDependency) -> dict[str, Any]:
        if dep.fs_path not in self._files:
            self._files[dep.fs_path] = load_path(dep.fs_path, dep.fs)
        missing = object()
        values = {key: dpath.get(self._files[dep.fs_path], key, separator=".", default=missing) for key in dep.params}
        return {key: value for key, value in values.items() if value is not missing}


def _state(
    graph: Graph,
    stage: Stage,
    found: PipelineStage,
    entry: dict[str, Any] | None,
    changed: _Changed,
    params: _Params,
) -> StageState:
    locked = {dep["path"]: dep["md5"] for dep in (entry or {}).get("deps", [])}
    outs = {out["path"]: out["md5"] for out in (entry or {}).get("outs", [])}
    now = {dep.def_path: _hash(dep) for dep in found.deps if not isinstance(dep, ParamsDependency)}
    made = {path for path, _ in stage.upstream}
    outputs = {out.def_path for out in found.outs} | {graph.stages[name].output for _, name in stage.upstream}
    marks = _marks(entry, [path for path in sorted(outputs) if changed(path)])
    return StageState(
        entry=_digest(entry) if entry else None,
        version=outs.get(stage.output),
        inputs_locked=_inputs(entry["cmd"], entry.get("params", {}), locked, made) if entry else None,
        inputs_now=_inputs(found.cmd, params(found), now, made) + marks,
        locked=locked,
        now={path: now[path] for path in made if path in now},
    )


def _marks(entry: dict[str, Any] | None, changed: list[str]) -> str:
    """A suffix for changes that no input's hash shows: no entry in `dvc.lock`, or artifacts that differ from it."""
    if entry is None:
        return "+never_run"
    return f"+changed_{_digest(changed)[:8]}" if changed else ""


def _inputs(command: str, params: dict[str, Any], hashes: Mapping[str, str | None], artifacts: set[str]) -> str:
    """Digest of the command, the parameters and the dependencies. For an input artifact, only its path is used."""
    used = {path: values for path, values in params.items() if values}
    return _digest([command, used, {path: path in artifacts or value for path, value in hashes.items()}])


def _hash(dep: Output) -> str | None:
    """DVC's hash of a path; None if the path is missing, for example because its stage is running."""
    try:
        return dep.get_hash().value
    except (DvcException, OSError):
        return None


def _digest(value: Any) -> str:
    return hashlib.md5(json.dumps(value, sort_keys=True, default=list).encode(), usedforsecurity=False).hexdigest()
