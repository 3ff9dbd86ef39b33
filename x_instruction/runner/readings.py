"""Checks that the parameters and dependencies of a stage in dvc.yaml did not change while the stage ran.

DVC records the state of a stage's parameters and dependencies after its command has ended. If one of them changed while
the command ran, DVC would record the new state for data made from the old state. It would then call these data up to
date.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from x_instruction.runner.errors import InputError
from x_instruction.runner.files import digest
from x_instruction.runner.yaml_files import read_yaml

PARAMETER = "params.yaml: "
EXPRESSION = re.compile(r"\$\{([^}]+)\}")
STEP = re.compile(r"[^.\[\]]+")
IGNORED = "__pycache__"  # written while a stage runs; also in .dvcignore


@dataclass(frozen=True)
class Readings:
    """The states of a partition's parameters and dependencies before the stage runs.

    `states` maps each parameter and each path to its state. `names` are the partition's iteration and language.
    """

    root: Path
    artifact: str
    names: tuple[str, ...]
    states: Mapping[str, str]

    @staticmethod
    def of(root: Path, artifact: str, names: Sequence[str]) -> Readings:
        """Records the present states. `names` are the partition's iteration and language.

        This must be called before the settings are read, so that a later change of them is noticed.
        """
        return Readings(root, artifact, tuple(names), dict(_states(root, artifact, names)))

    def refuse_changes(self) -> None:
        """Raises InputError if the state of a listed parameter or dependency has changed."""
        now = dict(_states(self.root, self.artifact, self.names))
        changed = sorted(name for name in self.states.keys() | now.keys() if self.states.get(name) != now.get(name))
        if changed:
            more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
            raise InputError(
                f"{changed[0]}{more} changed while {' '.join((self.artifact, *self.names))} was made from it, so "
                "nothing was published: run again"
            )


def _states(root: Path, artifact: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields parameters with values, and paths with a digest of the sizes and modification times of all their files.

    Stops without an error if the graph or the settings are missing, cannot be read or lack an entry. A stage can also
    run without the graph, and other code reports unusable files.
    """
    try:
        graph, params = (read_yaml(root / name) for name in ("dvc.yaml", "params.yaml"))
        entry = graph["stages"][artifact]
        context = {**params, **_item(entry, names, params)}
        entry = entry.get("do", entry)
        for name in entry.get("params", ()):
            key = _filled(name, context)
            yield PARAMETER + key, json.dumps(_value(key, context), sort_keys=True, default=str)
        paths = [_filled(path, context) for path in entry.get("deps", ())]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, IndexError, TypeError, ValueError, AttributeError):
        return
    for path in paths:
        yield path, _state(root / path)


def _item(entry: Mapping[str, Any], names: Sequence[str], params: Mapping[str, Any]) -> dict[str, Any]:
    """The values that DVC's `foreach` or `matrix` gives to `${item}` and `${key}` for this partition."""
    if "matrix" in entry:
        iterations = params["iterations"]
        return {"item": {"iteration" if name in iterations else "language": name for name in names}}
    if "foreach" not in entry:
        return {}
    each = _value(EXPRESSION.fullmatch(entry["foreach"])[1], params)  # type: ignore[index]
    return {"key": names[0], "item": each[names[0]]} if isinstance(each, dict) else {"item": names[0]}


def _filled(text: str, context: Mapping[str, Any]) -> str:
    return EXPRESSION.sub(lambda match: str(_value(match[1], context)), text)


def _value(path: str, context: Mapping[str, Any]) -> Any:
    """The value at a path such as `seed_pairs.sources[0].folder`."""
    value: Any = context
    for step in STEP.findall(path):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _state(path: Path) -> str:
    return digest(*(part for file, state in sorted(_files(path)) for part in (file, state)))


def _files(path: Path) -> Iterator[tuple[str, str]]:
    """Yields each file under the path (or the path itself) with its size and modification time.

    Contents are not compared, because reading them takes too long.
    """
    if not path.is_dir():
        yield str(path), _size_and_time(path)
        return
    # Links to folders are not followed, as in DVC: following a link to "/" or to a folder above would never end.
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if name != IGNORED]
        for name in files:
            file = Path(folder, name)
            yield str(file), _size_and_time(file)


def _size_and_time(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
