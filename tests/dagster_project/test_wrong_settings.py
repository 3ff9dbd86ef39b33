"""Commands and Dagster report a wrong value in params.yaml or an outdated dvc.yaml in one sentence."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_project.definitions import build_definitions
from tests.dagster_project.faces import materialize
from tests.dagster_project.test_sensor import tick
from tests.miniature import set_param
from x_instruction.runner.errors import SettingsError

WRONG_VALUE = ("candidate_pairs.temperature", "hot", "params.yaml: `candidate_pairs.temperature` is 'hot': ")
NEW_ITERATION = (
    "iterations.iteration_3",
    {"learns_from": "rated_pairs/iteration_2"},
    "dvc.yaml does not list data/rated_pairs/iteration_3/${item}, which params.yaml makes an input of refined_pairs: "
    "run `make graph`, then run again",
)
NEW_SOURCE = (
    "raw_web_text.sources",
    [{"path": "data/sample/web/{language}"}, {"path": "more"}],
    "dvc.yaml does not list more, which params.yaml makes an input of raw_web_text: run `make graph`, then run again",
)


@pytest.mark.parametrize(
    ("module", "change"),
    [
        *((module, WRONG_VALUE) for module in ("dvc_project.generated_lines", "dvc_project.summary")),
        *(
            (module, change)
            for module in ("dvc_project.run", "dagster_project.__main__")
            for change in (WRONG_VALUE, NEW_ITERATION, NEW_SOURCE)
        ),
    ],
)
def test_a_command_prints_one_sentence_and_fails(
    module: str,
    change: tuple[str, Any, str],
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key, value, sentence = change
    set_param(fresh, key, value)
    monkeypatch.chdir(fresh)
    monkeypatch.setattr("sys.argv", [module])
    assert importlib.import_module(module).main() == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {sentence}")
    assert error.count("\n") == 1


@pytest.mark.parametrize("change", [WRONG_VALUE, NEW_ITERATION, NEW_SOURCE])
def test_dagster_shows_the_same_sentence(
    change: tuple[str, Any, str], fresh: Path, instance: dg.DagsterInstance
) -> None:
    key, value, sentence = change
    loaded = build_definitions(fresh)
    set_param(fresh, key, value)
    result = materialize(loaded, instance, "raw_web_text", language="fi")
    failure = result.failure_data_for_node("raw_web_text").user_failure_data
    assert failure is not None and str(failure.description).startswith(sentence)
    assert str(tick(loaded, instance)[0].skip_message).startswith(sentence)
    with pytest.raises(SettingsError) as error:
        build_definitions(fresh)
    assert str(error.value).startswith(sentence)
