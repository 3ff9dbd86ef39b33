"""The graph is read from `dvc.yaml`, and an unusable graph is reported in one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dvc_project.graph import read_graph
from tests.miniature import LANGUAGES, set_param
from x_instruction.runner.errors import InputError, SettingsError


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("filtered_text", {"fi"}),
        ("refined_pairs", {"fi"}),
        ("instruction_model", set(LANGUAGES)),
        ("base_model", set()),
    ],
)
def test_an_artifact_needs_only_the_languages_that_it_is_made_from(fresh: Path, name: str, needed: set[str]) -> None:
    graph = read_graph(fresh)
    artifact = next(artifact for artifact in graph.artifacts if artifact.name == name)
    language = "fi" if artifact.languages else None
    found = graph.upstream(artifact).values()
    assert {code for needs in found for code in needs[language] if code} == needed


def test_reading_published_metrics_is_an_edge_of_the_graph(fresh: Path) -> None:
    upstream = read_graph(fresh).stages["refined_pairs@fi"].upstream
    assert ("data/metrics/evaluator", "evaluator@iteration_2") in upstream


def test_a_report_of_a_gate_that_a_stage_reads_is_neither_a_given_file_nor_an_edge(fresh: Path) -> None:
    stage = read_graph(fresh).stages["refined_pairs@fi"]
    assert "data/quality/filtered_text/fi.json" not in {*stage.sources, *(path for path, _ in stage.upstream)}


def test_a_stage_has_the_sections_of_its_params(fresh: Path) -> None:
    graph = read_graph(fresh)
    assert graph.stages["candidate_pairs@fi"].sections == {"candidate_pairs", "seed"}
    assert graph.stages["evaluator@iteration_2"].sections == {"iterations"}


def test_downstream_is_everything_that_is_made_from_a_stage(fresh: Path) -> None:
    graph = read_graph(fresh)
    assert graph.downstream(["candidate_pairs@ur"]) == {
        *(f"rated_pairs@iteration_{number}-ur" for number in (1, 2)),
        "evaluator@iteration_2",
        "rated_pairs@iteration_2-fi",
        *(f"refined_pairs@{code}" for code in LANGUAGES),
    }


def test_a_stage_without_an_output_of_its_name_is_refused(fresh: Path) -> None:
    with (fresh / "dvc.yaml").open("a", encoding="utf-8") as file:
        file.write("  summary: { cmd: echo, outs: [data/elsewhere] }\n")
    with pytest.raises(InputError, match="the stage summary has no output under data/summary"):
        read_graph(fresh)


def test_a_graph_that_dvc_refuses_is_reported_in_one_sentence(fresh: Path) -> None:
    text = (fresh / "dvc.yaml").read_text(encoding="utf-8")
    (fresh / "dvc.yaml").write_text(text.replace("    cmd:", "    command:"), encoding="utf-8")
    with pytest.raises(InputError, match=r"^DVC cannot read the graph of .*dvc.yaml") as error:
        read_graph(fresh)
    assert "\n" not in str(error.value)


def test_an_artifact_that_is_its_own_source_is_reported(fresh: Path) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        text = (fresh / name).read_text(encoding="utf-8")
        changed = re.sub(r"data/sample/web/(\{language\}|\$\{item\})", r"data/raw_web_text/\1", text)
        (fresh / name).write_text(changed, encoding="utf-8")
    with pytest.raises(InputError, match=r"dvc.yaml makes raw_web_text from raw_web_text: correct the paths"):
        read_graph(fresh)


def test_an_iteration_that_the_graph_does_not_list_is_refused(fresh: Path) -> None:
    set_param(fresh, "iterations.iteration_3", {"learns_from": "rated_pairs/iteration_2"})
    with pytest.raises(SettingsError, match=r"dvc.yaml does not list data/rated_pairs/iteration_3/.*run `make graph`"):
        read_graph(fresh)
