"""A run of Dagster refuses, before its first stage works, what one of the requested stages cannot use."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.storage.tags import BACKFILL_ID_TAG

from dagster_project.definitions import build_definitions
from dvc_project.project import read_lock
from tests.dagster_project.faces import materialize
from tests.miniature import set_param

EVALUATION = """\
  tuned_model:
    cmd: python -m stages tuned_model data/base_model
    deps: [data/base_model]
    outs: [data/tuned_model]
  eval_scores:
    foreach: ${languages}
    do:
      cmd: python -m stages eval_scores ${item} data/tuned_model
      params: [eval_scores]
      deps: [data/tuned_model, data/base_model, "${eval_scores.questions[0].path}"]
      outs: ["data/eval_scores/${item}"]
"""
QUESTIONS = "data/sample/questions.jsonl"
EVERYTHING = ("raw_web_text", "base_model", "tuned_model", "eval_scores")
MISSING = (
    f"{QUESTIONS}, an input of eval_scores@fi, does not exist: add it, or correct params.yaml and run `make graph`"
)
UNREADABLE = "eval_scores.questions.own: line 1 of {path} is not JSONL"


@pytest.fixture
def evaluated(fresh: Path) -> Path:
    """The small project with a stage that evaluates models, but without the file of questions that the stage reads."""
    with (fresh / "dvc.yaml").open("a", encoding="utf-8") as file:
        file.write(EVALUATION)
    models = [{"name": name, "model": f"{name}_model"} for name in ("tuned", "base")]
    set_param(fresh, "eval_scores.models", models)
    set_param(fresh, "eval_scores.questions", [{"name": "own", "path": QUESTIONS}])
    return fresh


def refusals(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The message of each step that failed."""
    failed = [event for event in result.all_events if event.is_step_failure]
    return {
        str(event.step_key): str(event.step_failure_data.user_failure_data.description)
        for event in failed
        if event.step_failure_data.user_failure_data
    }


def test_a_run_with_a_missing_question_file_makes_nothing(evaluated: Path, instance: dg.DagsterInstance) -> None:
    result = materialize(evaluated, instance, *EVERYTHING, language="fi")
    assert refusals(result) == {"raw_web_text": MISSING, "base_model": MISSING}
    assert read_lock(evaluated) == {}


def test_a_run_with_an_unreadable_question_file_makes_nothing(evaluated: Path, instance: dg.DagsterInstance) -> None:
    (evaluated / QUESTIONS).write_text("Why?", encoding="utf-8")
    result = materialize(evaluated, instance, *EVERYTHING, language="fi")
    assert all(found.startswith(UNREADABLE.format(path=evaluated / QUESTIONS)) for found in refusals(result).values())
    assert set(refusals(result)) == {"raw_web_text", "base_model"}
    assert read_lock(evaluated) == {}


def test_a_run_that_asks_no_questions_is_not_stopped(evaluated: Path, instance: dg.DagsterInstance) -> None:
    assert materialize(evaluated, instance, "raw_web_text", language="fi").success
    assert set(read_lock(evaluated)) == {"raw_web_text@fi"}


def test_a_missing_input_of_another_language_does_not_stop_a_run(fresh: Path, instance: dg.DagsterInstance) -> None:
    (fresh / "data/sample/seeds/ur.jsonl").unlink()
    assert materialize(fresh, instance, "raw_web_text", "seed_pairs", language="fi").success
    failed = materialize(fresh, instance, "raw_web_text", "seed_pairs", language="ur")
    assert refusals(failed).keys() == {"raw_web_text", "seed_pairs"}


@pytest.mark.parametrize(("keys", "stopped"), [(EVERYTHING, True), (EVERYTHING[:3], False)])
def test_the_first_run_of_a_backfill_checks_the_whole_backfill(
    evaluated: Path, instance: dg.DagsterInstance, keys: tuple[str, ...], stopped: bool
) -> None:
    loaded = build_definitions(evaluated)
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="all",
        asset_graph=loaded.resolve_asset_graph(),
        partition_names=None,
        asset_selection=[dg.AssetKey(key) for key in keys],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=True,
        title=None,
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)
    result = materialize(loaded, instance, "raw_web_text", language="ur", tags={BACKFILL_ID_TAG: "all"})
    assert refusals(result) == ({"raw_web_text": MISSING} if stopped else {})
    assert set(read_lock(evaluated)) == (set() if stopped else {"raw_web_text@ur"})
