"""The lines of `dvc.yaml` that DVC cannot expand are those `make graph` writes."""

from __future__ import annotations

import re

import pytest
import yaml

from dvc_project.generated_lines import written
from stages.__main__ import ARTIFACTS
from stages.params import Settings
from stages.seed_pairs.settings import SeedSource
from tests.conftest import ROOT
from x_instruction.runner.settings import Iteration

TEXT = (ROOT / "dvc.yaml").read_text(encoding="utf-8")


def renewed(settings: Settings, **changed: object) -> dict[str, dict[str, object]]:
    return dict(yaml.safe_load(written(TEXT, settings.model_copy(update=changed), ROOT))["stages"])


def deps(stages: dict[str, dict[str, object]], artifact: str) -> list[str]:
    entry = stages[artifact].get("do", stages[artifact])
    assert isinstance(entry, dict)
    return list(entry["deps"])


def test_dvc_yaml_is_up_to_date(settings: Settings) -> None:
    assert written(TEXT, settings, ROOT) == TEXT, "dvc.yaml does not fit the code and params.yaml: run `make graph`"


def test_writing_twice_changes_nothing(settings: Settings) -> None:
    once = written(TEXT, settings, ROOT)
    assert written(once, settings, ROOT) == once


def test_lines_of_an_earlier_graph_are_removed(settings: Settings) -> None:
    stale = TEXT.replace("- stages/executor.py\n", "- stages/executor.py\n        - stages/long_gone.py\n", 1)
    assert stale != TEXT
    assert "long_gone" not in written(stale, settings, ROOT)


def test_what_stands_outside_the_blocks_stays(settings: Settings) -> None:
    def hand_written(text: str) -> str:
        return re.sub(r"made by make graph\n.*?# end", "", text, flags=re.S)

    assert hand_written(written(TEXT, settings, ROOT)) == hand_written(TEXT)


def test_a_new_iteration_adds_its_lines(settings: Settings) -> None:
    third = {**settings.iterations, "iteration_3": Iteration(learns_from="rated_pairs/iteration_2")}
    stages = renewed(settings, iterations=third)
    assert stages["rated_pairs"]["matrix"]["iteration"] == ["iteration_1", "iteration_2", "iteration_3"]  # type: ignore[index]
    assert "data/evaluator/iteration_3" in deps(stages, "refined_pairs")
    assert "data/rated_pairs/iteration_3/${item}" in deps(stages, "refined_pairs")
    assert "data/evaluator/iteration_3" in deps(stages, "eval_scores")


def test_an_iteration_taken_out_takes_its_lines_along(settings: Settings) -> None:
    first = {"iteration_1": settings.iterations["iteration_1"]}
    assert "iteration_2" not in written(TEXT, settings.model_copy(update={"iterations": first}), ROOT)


def test_a_new_source_adds_its_line(settings: Settings) -> None:
    seeds = settings.seed_pairs.model_copy(update={"sources": [SeedSource(folder="a"), SeedSource(folder="b")]})
    lines = deps(renewed(settings, seed_pairs=seeds), "seed_pairs")
    assert "${seed_pairs.sources[1].folder}/${item}${seed_pairs.sources[1].suffix}" in lines


def test_a_checkpoint_folder_is_a_dependency(settings: Settings) -> None:
    folder = settings.base_model.model_copy(update={"checkpoint": "data/sample"})
    assert "${base_model.checkpoint}" in deps(renewed(settings, base_model=folder), "base_model")
    assert "${base_model.checkpoint}" not in deps(renewed(settings), "base_model")


def test_the_graph_has_every_artifact_with_one_line_of_description() -> None:
    stages = yaml.safe_load(TEXT)["stages"]
    assert list(stages) == list(ARTIFACTS)
    described = [stage.get("do", stage)["desc"] for stage in stages.values()]
    assert all(line and "\n" not in line for line in described)


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_a_stage_depends_on_its_own_code(artifact: str, settings: Settings) -> None:
    lines = deps(renewed(settings), artifact)
    assert {f"stages/{artifact}.py", f"stages/{artifact}/__init__.py"} & set(lines)
    assert f"stages/expectations/{artifact}.yaml" in lines
