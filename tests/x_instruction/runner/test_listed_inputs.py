"""A graph that lacks an input named in the settings is refused, because DVC would not see changes of that input."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.params import Settings
from tests.conftest import ROOT
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.listed_inputs import refuse_unlisted
from x_instruction.runner.settings import Iteration

GRAPH = """
stages:
  raw_web_text:
    foreach: [fi]
    do:
      cmd: make ${item}
      deps: ["data/web/${item}"]
  base_model:
    cmd: make
    deps: [data/corpus]
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "dvc.yaml"
    path.write_text(GRAPH)
    return path


def test_listed_inputs_are_accepted(graph: Path) -> None:
    refuse_unlisted(graph, {"raw_web_text": ["data/web/${item}"], "base_model": ["data/corpus"], "evaluator": []})


@pytest.mark.parametrize("artifact", ["raw_web_text", "base_model"])
def test_an_unlisted_input_is_refused_with_the_remedy(graph: Path, artifact: str) -> None:
    message = rf"^dvc.yaml does not list data/new, which params.yaml makes an input of {artifact}: run `make graph`"
    with pytest.raises(SettingsError, match=message):
        refuse_unlisted(graph, {artifact: ["data/new"]})


def test_an_artifact_outside_of_the_graph_is_not_checked(graph: Path) -> None:
    refuse_unlisted(graph, {"taken_out": ["data/new"]})


@pytest.mark.parametrize(
    ("text", "message"),
    [("stages: [", "is not readable YAML: "), ("stages", "has no section `stages`"), ("", "has no section `stages`")],
)
def test_an_unusable_graph_is_reported_in_one_sentence(graph: Path, text: str, message: str) -> None:
    graph.write_text(text)
    with pytest.raises(SettingsError, match=rf"^dvc.yaml {message}"):
        refuse_unlisted(graph, {})


def test_a_project_without_a_graph_runs_its_stages(tmp_path: Path) -> None:
    refuse_unlisted(tmp_path / "dvc.yaml", {"raw_web_text": ["data/web/${item}"]})


def test_the_graph_of_the_project_lists_its_inputs(settings: Settings) -> None:
    refuse_unlisted(ROOT / "dvc.yaml", settings.inputs(ROOT))


def test_an_additional_iteration_is_refused(settings: Settings) -> None:
    third = {"iteration_3": Iteration(learns_from="rated_pairs/iteration_2")}
    changed = settings.model_copy(update={"iterations": settings.iterations | third})
    with pytest.raises(SettingsError, match=r"does not list data/rated_pairs/iteration_3/\$\{item\}"):
        refuse_unlisted(ROOT / "dvc.yaml", changed.inputs(ROOT))


def test_an_additional_source_is_refused(settings: Settings) -> None:
    raw = settings.raw_web_text
    source = raw.sources[0].model_copy(update={"path": "data/own/{language}.jsonl"})
    changed = settings.model_copy(update={"raw_web_text": raw.model_copy(update={"sources": [*raw.sources, source]})})
    with pytest.raises(SettingsError, match=r"does not list data/own/\$\{item\}.jsonl"):
        refuse_unlisted(ROOT / "dvc.yaml", changed.inputs(ROOT))
