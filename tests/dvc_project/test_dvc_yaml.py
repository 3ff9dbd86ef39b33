"""`dvc.yaml` lists what the stages read: their code, their settings and their inputs."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dvc_project.generated_lines import written
from stages.__main__ import ARTIFACTS
from stages.params import Settings
from stages.seed_pairs.settings import SeedSource
from tests.conftest import ROOT
from x_instruction.runner.import_closure import stage_code_hash, stage_files
from x_instruction.runner.settings import Iteration, Section

TEXT = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
CODE = ("stages/", "x_instruction/")


def entry(artifact: str, text: str = TEXT) -> dict[str, Any]:
    stage = yaml.safe_load(text)["stages"][artifact]
    return dict(stage.get("do", stage))


def renewed(settings: Settings, **changed: object) -> str:
    """The text of dvc.yaml with its generated lines written for changed settings."""
    new = settings.model_copy(update=changed)
    return written(TEXT, new.inputs(ROOT), list(new.iterations))


# The code


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_code_folders_are_those_of_the_files_that_the_stage_imports(artifact: str) -> None:
    files = [path.relative_to(ROOT) for path in stage_files(artifact, ROOT)]
    folders = [line for line in entry(artifact)["deps"] if line.startswith(CODE)]
    assert [path for path in files if not any(path.is_relative_to(folder) for folder in folders)] == []
    assert [folder for folder in folders if not any(path.is_relative_to(folder) for path in files)] == []


def test_one_more_setting_of_an_artifact_changes_the_code_of_no_other(tmp_path: Path) -> None:
    for name in ("stages", "x_instruction"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = {artifact: stage_code_hash(artifact, tmp_path) for artifact in ARTIFACTS}
    with (tmp_path / "stages/filtered_text/settings.py").open("a", encoding="utf-8") as file:
        file.write("\n    max_emoji_share: Share = 1\n")
    after = {artifact: stage_code_hash(artifact, tmp_path) for artifact in ARTIFACTS}
    assert [artifact for artifact in ARTIFACTS if after[artifact] != before[artifact]] == ["filtered_text"]


# The settings


def sections_read(artifact: str) -> set[str]:
    """Names of the sections whose classes the stage's code imports, and of the plain settings that it reads."""
    classes = {field.annotation.__name__: name for name, field in Settings.model_fields.items() if is_section(field)}
    plain = {name for name, field in Settings.model_fields.items() if not is_section(field)}
    nodes = list(nodes_of(artifact))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    read = {
        node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "job.settings"
    }
    # How the work is done; it never changes a result.
    return {classes[name] for name in imported & set(classes)} | (read & plain) - {"execution"}


def is_section(field: Any) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def nodes_of(artifact: str) -> Iterator[ast.AST]:
    """The code that a stage runs, apart from the runner's, which is the same for all."""
    for path in stage_files(artifact, ROOT):
        if not path.is_relative_to(ROOT / "x_instruction/runner"):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_params_are_the_sections_that_the_stage_imports(artifact: str) -> None:
    assert {name.split(".")[0] for name in entry(artifact)["params"]} == sections_read(artifact)


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_settings_of_the_expectations_are_among_the_params(artifact: str) -> None:
    suite = (ROOT / "stages" / artifact / "expectations.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$(\w+)\.", suite)) <= set(entry(artifact)["params"])


# The generated lines


def test_the_generated_lines_are_those_of_the_settings(settings: Settings) -> None:
    assert renewed(settings) == TEXT, "the generated lines of dvc.yaml do not fit params.yaml: run `make graph`"


def test_lines_of_an_earlier_graph_are_removed(settings: Settings) -> None:
    stale = TEXT.replace("per source\n", "per source\n        - data/long_gone\n", 1)
    assert stale != TEXT
    assert written(stale, settings.inputs(ROOT), list(settings.iterations)) == TEXT


def test_a_new_iteration_adds_its_lines(settings: Settings) -> None:
    third = {**settings.iterations, "iteration_3": Iteration(learns_from="rated_pairs/iteration_2")}
    text = renewed(settings, iterations=third)
    assert yaml.safe_load(text)["stages"]["rated_pairs"]["matrix"]["iteration"] == list(third)
    assert "data/rated_pairs/iteration_3/${item}" in entry("refined_pairs", text)["deps"]


def test_an_iteration_taken_out_takes_its_lines_along(settings: Settings) -> None:
    assert "iteration_2" not in renewed(settings, iterations={"iteration_1": settings.iterations["iteration_1"]})


def test_a_new_source_adds_its_line(settings: Settings) -> None:
    sources = [SeedSource(folder="a", suffix=".jsonl"), SeedSource(folder="b", suffix=".jsonl")]
    text = renewed(settings, seed_pairs=settings.seed_pairs.model_copy(update={"sources": sources}))
    line = "${seed_pairs.sources[1].folder}/${item}${seed_pairs.sources[1].suffix}"
    assert line in entry("seed_pairs", text)["deps"]


def test_a_checkpoint_folder_is_a_dependency(settings: Settings) -> None:
    folder = settings.base_model.model_copy(update={"checkpoint": "data/sample"})
    assert "${base_model.checkpoint}" in entry("base_model", renewed(settings, base_model=folder))["deps"]
    assert "${base_model.checkpoint}" not in entry("base_model")["deps"]


# The table of contents


def test_the_graph_has_every_artifact_with_one_line_of_description() -> None:
    assert sorted(yaml.safe_load(TEXT)["stages"]) == list(ARTIFACTS)
    assert all(entry(artifact)["desc"] and "\n" not in entry(artifact)["desc"] for artifact in ARTIFACTS)


def test_the_artifacts_for_other_projects_are_those_of_the_graph() -> None:
    artifacts = yaml.safe_load(TEXT)["artifacts"]
    assert {name: artifact["path"] for name, artifact in artifacts.items()} == {
        name: f"data/{name}" for name in artifacts if name in ARTIFACTS
    }
