"""The import closure of a stage: what its code imports, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stages.__main__ import ARTIFACTS
from tests.conftest import ROOT
from x_instruction.runner.import_closure import stage_code_hash, stage_files

TREE = {
    "__main__": "from stages.shell import run\n",
    "shell": "import os\n",
    "baked": "import polars\nfrom stages.oven import heat\n",
    "oven": "def heat():\n    from stages.fuel import burn\n",
    "fuel": "from stages import match\n",
    "match": "",
    "eaten": "import stages.baked\nfrom other.baked import x\n",
    "folder/__init__": "from stages.folder.part import x\n",
    "folder/part": "import stages.match\n",
    "folder/unused": "",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        path = tmp_path / "stages" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def names(root: Path, artifact: str) -> set[str]:
    return {path.relative_to(root / "stages").as_posix() for path in stage_files(artifact, root)}


def test_imports_are_followed_also_those_inside_functions(tree: Path) -> None:
    assert names(tree, "baked") == {
        "__main__.py", "shell.py", "baked.py", "oven.py", "fuel.py", "match.py", "expectations/baked.yaml"
    }  # fmt: skip


def test_a_module_imported_by_its_full_name_is_found(tree: Path) -> None:
    assert names(tree, "eaten") - names(tree, "baked") == {"eaten.py", "expectations/eaten.yaml"}


def test_of_a_folder_only_what_is_imported_belongs_to_it(tree: Path) -> None:
    found = names(tree, "folder")
    assert {"folder/__init__.py", "folder/part.py", "match.py"} < found
    assert "folder/unused.py" not in found


@pytest.mark.parametrize(
    ("module", "changes"), [("fuel", True), ("shell", True), ("eaten", False), ("folder/part", False)]
)
def test_the_hash_changes_with_the_code_a_stage_runs(tree: Path, module: str, changes: bool) -> None:
    before = stage_code_hash("baked", tree)
    (tree / "stages" / f"{module}.py").write_text(f"{TREE[module]}# changed\n")
    assert (stage_code_hash("baked", tree) != before) is changes


def test_a_changed_suite_keeps_the_hash(tree: Path) -> None:
    (tree / "stages" / "expectations").mkdir()
    before = stage_code_hash("baked", tree)
    (tree / "stages" / "expectations" / "baked.yaml").write_text("[]")
    assert stage_code_hash("baked", tree) == before


def test_the_hash_is_the_same_in_another_folder(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree / "stages", tmp_path / "copy" / "stages")
    assert stage_code_hash("baked", tmp_path / "copy") == stage_code_hash("baked", tree)


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_each_stage_lists_files_that_are_there(artifact: str) -> None:
    files = stage_files(artifact, ROOT)
    assert all(path.is_file() for path in files)
    assert not [path for path in files if "dagster_project" in path.parts]
