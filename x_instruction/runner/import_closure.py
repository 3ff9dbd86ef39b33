"""Finds the import closure of a stage: the project's files that its code imports, directly or not.

Of the project's code, the keys of a stage's finished shards depend only on these files. So a change of code that only
one stage imports leaves the shards of other stages valid. A test compares the files with the dependencies in dvc.yaml.
The search starts at the stage's module and at shell.py. It does not start at `stages/__main__.py`: that file imports
the settings modules of all stages, so a change of any of them would change every key.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from x_instruction.runner.files import hash_paths

PACKAGES = ("stages", "x_instruction")
SHELL = Path("x_instruction", "runner", "shell.py")


def stage_files(artifact: str, root: Path) -> list[Path]:
    """The stage's module, the shell, and all project files that they import."""
    return closure([root / "stages" / artifact / "stage.py", root / SHELL], root)


def stage_code_hash(artifact: str, root: Path) -> str:
    """Hash of the stage's code, without expectations.yaml, because shards do not depend on that file."""
    return hash_paths(stage_files(artifact, root))


def closure(starts: Iterable[Path], root: Path) -> list[Path]:
    """The given files of the project at `root` and the project files that they import, directly or not."""
    files: set[Path] = set()
    waiting = list(starts)
    while waiting:
        file = waiting.pop()
        if file not in files:
            files.add(file)
            waiting += _imported_files(file, root)
    return sorted(files)


def _imported_files(file: Path, root: Path) -> tuple[Path, ...]:
    return tuple(path for name in sorted(_imported_names(file, root)) for path in _module(root, name))


def _imported_names(file: Path, root: Path) -> set[str]:
    """Names of the project's modules and packages that a file imports anywhere, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in names if name.split(".")[0] in PACKAGES and _module(root, name)}
    # Importing a.b.c runs the `__init__` of a and of a.b as well.
    parents = {name.rsplit(".", depth)[0] for name in ours for depth in range(1, name.count(".") + 1)}
    return ours | {name for name in parents if _module(root, name)}


def _module(root: Path, dotted: str) -> list[Path]:
    """The files of a dotted name: a module or a package's `__init__`. The list is empty if the name is neither."""
    path = root.joinpath(*dotted.split("."))
    candidates = [path.with_suffix(".py"), path / "__init__.py"]
    return [candidate for candidate in candidates if candidate.is_file()]
