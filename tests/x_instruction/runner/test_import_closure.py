"""The import closure of a stage has the project's files that the stage's code imports, and no others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stages.__main__ import ARTIFACTS
from tests.conftest import ROOT
from x_instruction.runner.import_closure import stage_code_hash, stage_files

TREE = {
    "x_instruction/runner/shell": "import os\n",
    "x_instruction/oven": "def heat():\n    from x_instruction.fuel import burn\n",
    "x_instruction/fuel": "from x_instruction import match\n",
    "x_instruction/match": "",
    "x_instruction/folder/__init__": "from x_instruction.folder.part import x\n",
    "x_instruction/folder/part": "import x_instruction.match\n",
    "x_instruction/folder/unused": "",
    "stages/__main__": "from stages.params import load\n",
    "stages/params": "from stages.baked.settings import Baked\nfrom stages.eaten.settings import Eaten\n",
    "stages/baked/stage": "from stages.baked.settings import Baked\nfrom x_instruction.oven import heat\n",
    "stages/baked/settings": "",
    "stages/eaten/stage": "import stages.eaten.settings\nfrom x_instruction.folder import x\nimport polars\n",
    "stages/eaten/settings": "",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def names(root: Path, artifact: str) -> set[str]:
    return {path.relative_to(root).with_suffix("").as_posix() for path in stage_files(artifact, root)}


def test_imports_are_followed_through_both_packages_and_inside_functions(tree: Path) -> None:
    assert names(tree, "baked") == {
        "stages/baked/stage", "stages/baked/settings", "x_instruction/runner/shell", "x_instruction/oven",
        "x_instruction/fuel", "x_instruction/match",
    }  # fmt: skip


def test_only_the_imported_modules_of_a_package_belong_to_the_closure(tree: Path) -> None:
    found = names(tree, "eaten")
    assert {"stages/eaten/settings", "x_instruction/folder/__init__", "x_instruction/folder/part"} < found
    assert "x_instruction/folder/unused" not in found and "stages/baked/settings" not in found


@pytest.mark.parametrize(
    ("module", "changes"),
    [
        ("x_instruction/fuel", True),
        ("x_instruction/runner/shell", True),
        ("stages/baked/settings", True),
        ("stages/eaten/settings", False),
        ("stages/params", False),
        ("x_instruction/folder/part", False),
    ],
)
def test_the_hash_changes_with_the_code_that_a_stage_runs(tree: Path, module: str, changes: bool) -> None:
    before = stage_code_hash("baked", tree)
    (tree / f"{module}.py").write_text(f"{TREE[module]}# changed\n")
    assert (stage_code_hash("baked", tree) != before) is changes


def test_a_changed_suite_does_not_change_the_hash(tree: Path) -> None:
    before = stage_code_hash("baked", tree)
    (tree / "stages/baked/expectations.yaml").write_text("[]")
    assert stage_code_hash("baked", tree) == before


def test_the_hash_is_the_same_in_another_folder(tree: Path, tmp_path: Path) -> None:
    for package in ("stages", "x_instruction"):
        shutil.copytree(tree / package, tmp_path / "copy" / package)
    assert stage_code_hash("baked", tmp_path / "copy") == stage_code_hash("baked", tree)


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_the_closure_of_each_stage_has_files_but_none_for_dvc_or_dagster(artifact: str) -> None:
    files = stage_files(artifact, ROOT)
    assert all(path.is_file() for path in files)
    assert not [path for path in files if {"dagster_project", "dvc_project"} & set(path.parts)]
