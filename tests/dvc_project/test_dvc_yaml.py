"""`dvc.yaml` lists all code, settings and inputs that can change the result of a stage."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ruamel.yaml
import yaml

from dvc_project.generated_lines import written
from stages.__main__ import ARTIFACTS
from stages.params import Settings
from stages.released_set.card_making import ENCODERS, SETTINGS
from stages.released_set.stage import FOLDER
from stages.report.compared import ENTRIES
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
    """The text of dvc.yaml with its generated lines rewritten for changed settings."""
    new = settings.model_copy(update=changed)
    return written(TEXT, new.inputs(ROOT), list(new.iterations))


# Code


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_the_code_folders_are_those_of_the_files_that_the_stage_imports(artifact: str) -> None:
    files = [path.relative_to(ROOT) for path in stage_files(artifact, ROOT)]
    folders = [line for line in entry(artifact)["deps"] if line.startswith(CODE)]
    assert [path for path in files if not any(path.is_relative_to(folder) for folder in folders)] == []
    assert [folder for folder in folders if not any(path.is_relative_to(folder) for path in files)] == []


def test_a_new_setting_of_an_artifact_changes_the_code_of_no_other_artifact(tmp_path: Path) -> None:
    for name in ("stages", "x_instruction"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = {artifact: stage_code_hash(artifact, tmp_path) for artifact in ARTIFACTS}
    with (tmp_path / "stages/filtered_text/settings.py").open("a", encoding="utf-8") as file:
        file.write("\n    max_emoji_share: Share = 1\n")
    after = {artifact: stage_code_hash(artifact, tmp_path) for artifact in ARTIFACTS}
    assert [artifact for artifact in ARTIFACTS if after[artifact] != before[artifact]] == ["filtered_text"]


# Settings


def sections_read(artifact: str) -> set[str]:
    """The settings that a stage uses: sections whose classes its code imports, and top-level values that it reads."""
    sections = [(field.annotation, name) for name, field in Settings.model_fields.items() if is_section(field)]
    classes = {annotation.__name__: name for annotation, name in sections if annotation}
    plain = {name for name, field in Settings.model_fields.items() if not is_section(field)}
    nodes = list(nodes_of(artifact))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    read = {
        node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "job.settings"
    }
    by_name = {"released_set": (*SETTINGS, *ENCODERS), "report": (ENTRIES,)}
    shown = {path.split(".")[0] for path in by_name.get(artifact, ())}
    # `execution` is left out, because it never changes a result.
    return {classes[name] for name in imported & set(classes)} | (read & plain) - {"execution"} | shown


def is_section(field: Any) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def nodes_of(artifact: str) -> Iterator[ast.AST]:
    """The syntax nodes of a stage's code outside of x_instruction/runner."""
    for path in stage_files(artifact, ROOT):
        if not path.is_relative_to(ROOT / "x_instruction/runner"):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_params_are_the_sections_that_the_stage_imports(artifact: str) -> None:
    assert {name.split(".")[0] for name in entry(artifact)["params"]} == sections_read(artifact)


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_settings_in_the_expectations_are_among_the_params(artifact: str) -> None:
    suite = (ROOT / "stages" / artifact / "expectations.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$(\w+)\.", suite)) <= set(entry(artifact)["params"])


# Generated lines


def test_the_generated_lines_fit_params_yaml(settings: Settings) -> None:
    assert renewed(settings) == TEXT, "the generated lines of dvc.yaml do not fit params.yaml: run `make graph`"


def test_outdated_generated_lines_are_removed(settings: Settings) -> None:
    stale = TEXT.replace("per source\n", "per source\n        - data/long_gone\n", 1)
    assert stale != TEXT
    assert written(stale, settings.inputs(ROOT), list(settings.iterations)) == TEXT


@pytest.mark.parametrize(
    "path",
    ["data/part #1", "data/a: b", "- a", "2024", "data/a\nb", "{a", "1e3", "0o17", "yes", "a\x85b", "a\x7fb"],
)
def test_a_path_that_yaml_would_read_otherwise_is_quoted(settings: Settings, path: str) -> None:
    inputs = {**settings.inputs(ROOT), "base_model": [path]}
    text = written(TEXT, inputs, list(settings.iterations))
    assert path in entry("base_model", text)["deps"]
    assert path in ruamel.yaml.YAML(typ="safe").load(text)["stages"]["base_model"]["deps"]  # as DVC reads it
    assert written(text, settings.inputs(ROOT), list(settings.iterations)) == TEXT


def test_a_new_iteration_adds_its_lines(settings: Settings) -> None:
    third = {**settings.iterations, "iteration_3": Iteration(learns_from="rated_pairs/iteration_2")}
    text = renewed(settings, iterations=third)
    assert yaml.safe_load(text)["stages"]["rated_pairs"]["matrix"]["iteration"] == list(third)
    assert "data/rated_pairs/iteration_3/${item}" in entry("refined_pairs", text)["deps"]


def test_removing_an_iteration_removes_its_lines(settings: Settings) -> None:
    assert "iteration_2" not in renewed(settings, iterations={"iteration_1": settings.iterations["iteration_1"]})


def test_a_new_source_adds_its_line(settings: Settings) -> None:
    sources = [SeedSource(folder="a", suffix=".jsonl"), SeedSource(folder="b", suffix=".jsonl")]
    text = renewed(settings, seed_pairs=settings.seed_pairs.model_copy(update={"sources": sources}))
    line = "${seed_pairs.sources[1].folder}/${item}${seed_pairs.sources[1].suffix}"
    assert line in entry("seed_pairs", text)["deps"]


def test_the_folder_of_a_checkpoint_is_a_dependency(settings: Settings) -> None:
    folder = settings.base_model.model_copy(update={"checkpoint": "data/sample"})
    assert "${base_model.checkpoint}" in entry("base_model", renewed(settings, base_model=folder))["deps"]
    assert "${base_model.checkpoint}" not in entry("base_model")["deps"]


# Descriptions and artifacts


def test_every_artifact_in_the_graph_has_a_one_line_description() -> None:
    assert sorted(yaml.safe_load(TEXT)["stages"]) == list(ARTIFACTS)
    assert all(entry(artifact)["desc"] and "\n" not in entry(artifact)["desc"] for artifact in ARTIFACTS)


def test_the_artifacts_for_other_projects_are_outputs_of_the_graph() -> None:
    artifacts = yaml.safe_load(TEXT)["artifacts"]
    paths = {"released_set": f"data/released_set/{FOLDER}", "tuned_model": "data/tuned_model"}
    assert {name: artifact["path"] for name, artifact in artifacts.items()} == paths
    assert all(f"data/{name}" in entry(name)["outs"] for name in paths)
