"""Packages import each other in one direction only, and modules have no import cycle."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from tests.conftest import ROOT

PACKAGES = ("dagster_project", "dvc_project", "commands", "stages", "x_instruction")
# Each package in PACKAGES and TOOLS may import itself and the packages after it; `may_import` has the exceptions.
TOOLS = (
    *("judging", "rating", "pairs", "embeddings", "generation", "models", "words", "cleaning", "language", "pages"),
    "runner",
)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def imports(path: Path) -> set[str]:
    """Every dotted name that a file imports anywhere; `from a.b import c` gives both a.b and a.b.c."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


IMPORTS = {name: imports(path) for name, path in MODULES.items()}


def may_import(importer: str, imported: str) -> bool:
    """Whether a module may import another module of the project."""
    package, part = importer.split(".")[:2] if "." in importer else (importer, "")
    other, other_part = imported.split(".")[:2]
    if package == other == "x_instruction":
        return part == "__main__" or TOOLS.index(part) <= TOOLS.index(other_part)
    if importer == "stages.params":
        return imported.endswith((".settings", ".names", ".errors", ".yaml_files"))
    if package == "stages":
        return other == "x_instruction" or (other == "stages" and (part == other_part or importer == "stages.__main__"))
    return package != "x_instruction" and PACKAGES.index(package) <= PACKAGES.index(other)


def test_a_module_imports_only_what_lies_below_it() -> None:
    arrows = [(importer, name) for importer in MODULES for name in sorted(IMPORTS[importer] & set(MODULES))]
    assert arrows
    assert [f"{importer} imports {name}" for importer, name in arrows if not may_import(importer, name)] == []


def test_only_dagster_project_imports_dagster() -> None:
    users = {name.split(".")[0] for name in MODULES if any(found.split(".")[0] == "dagster" for found in IMPORTS[name])}
    assert users == {"dagster_project"}


def test_imports_have_no_cycle() -> None:
    graph = {name: IMPORTS[name] & set(MODULES) - {name} for name in MODULES}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules of the cycle


def test_stages_has_only_folders_with_a_stage_and_its_expectations() -> None:
    folders = {path.name for path in (ROOT / "stages").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {path.parent.name for path in (ROOT / "stages").glob("*/stage.py")}
    assert folders == {path.parent.name for path in (ROOT / "stages").glob("*/expectations.yaml")}
    assert {path.name for path in (ROOT / "stages").glob("*.py")} == {"__main__.py", "params.py"}
