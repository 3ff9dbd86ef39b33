"""Refuses to run if the graph (dvc.yaml) does not list an input that the settings name.

DVC would not notice a change of that input, and would call the artifact up to date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from x_instruction.runner.errors import SettingsError
from x_instruction.runner.yaml_files import read_yaml


def refuse_unlisted(graph: Path, inputs: Mapping[str, Sequence[str]]) -> None:
    """Raises SettingsError for the first input that is not among the dependencies of its artifact in `graph`.

    `inputs` maps an artifact to the inputs that the settings name, written as in `graph`. It is no error if `graph`
    does not exist or lacks an artifact, because a stage can also run without the graph.
    """
    if not graph.exists():
        return
    for artifact, entry in _stages(graph).items():
        listed = (entry.get("do") or entry).get("deps") or []
        for path in inputs.get(artifact, ()):
            if path not in listed:
                raise SettingsError(
                    f"{graph.name} does not list {path}, which params.yaml makes an input of {artifact}: run "
                    "`make graph`, then run again"
                )


def _stages(graph: Path) -> dict[str, dict[str, Any]]:
    try:
        content = read_yaml(graph)
    except yaml.YAMLError as error:
        raise SettingsError(f"{graph.name} is not readable YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict):
        raise SettingsError(f"{graph.name} has no section `stages` with the artifacts")
    return content["stages"]
