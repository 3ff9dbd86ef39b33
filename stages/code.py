"""The import closure of a stage: exactly the project's files its code runs.

It is what a stage's `deps` in dvc.yaml list, and what its shards' keys are made of, so that a change of
one stage's code re-runs that stage and not the pipeline.
"""

from __future__ import annotations

import ast
from pathlib import Path

from stages.files import hash_paths

PACKAGE = "stages"


def stage_files(artifact: str, root: Path) -> list[Path]:
    """The shell, the stage's module, all they import from this package, and the stage's suite."""
    package = root / PACKAGE
    found: set[Path] = set()
    waiting = [package / "__main__.py", *_module(package, artifact)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += [path for name in _imports(file, root) for path in _module(root, name)]
    return sorted({*found, package / "expectations" / f"{artifact}.yaml"})


def stage_code_hash(artifact: str, root: Path) -> str:
    """Hash of the stage's own code. The suite is left out: it judges shards and does not make them."""
    return hash_paths([path for path in stage_files(artifact, root) if path.suffix == ".py"])


def _module(base: Path, dotted: str) -> list[Path]:
    """Files a dotted name stands for: a module, or a package's `__init__`; none if it is neither."""
    path = base.joinpath(*dotted.split("."))
    candidates = [path.with_suffix(".py"), path / "__init__.py"]
    return [candidate for candidate in candidates if candidate.is_file()]


def _imports(file: Path, root: Path) -> set[str]:
    """Names of this package imported anywhere in a file, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    own = {name for name in names if name.split(".")[0] == PACKAGE and _module(root, name)}
    # Importing a.b.c runs a.b's `__init__` as well.
    parents = {name.rsplit(".", depth)[0] for name in own for depth in range(1, name.count(".") + 1)}
    return own | {name for name in parents if _module(root, name)}
