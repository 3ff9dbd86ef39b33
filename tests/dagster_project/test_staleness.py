"""Dagster calls exactly those stages stale that `dvc status` calls changed."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.sensor import report_outside
from dvc_project.graph import read_graph
from stages.params import load_settings
from tests.dagster_project.faces import changed_in_dvc, materialize, stale_in_dagster
from tests.miniature import dvc, edit, set_param


def delete_output(root: Path) -> None:
    shutil.rmtree(root / "data/filtered_text/fi")


def overwrite_output(root: Path) -> None:
    path = root / "data/seed_pairs/ur/manifest.json"
    path.unlink()  # DVC makes outputs read-only
    path.write_text("{}")


def overwrite_report(root: Path) -> None:
    """Changes the report of a gate that another stage reads, but no data."""
    path = root / "data/quality/filtered_text/ur.json"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    path.write_text(text.replace("few words", "too few words"), encoding="utf-8")


CHANGES = {
    "one_languages_settings": lambda root: edit(root / "languages/ur.yaml", "name: ur", "name: Urdu"),
    "a_parameter": lambda root: set_param(root, "candidate_pairs.temperature", 0.9),
    "a_parameter_that_no_stage_reads": lambda root: set_param(root, "execution.workers", 7),
    "one_iterations_parameter": lambda root: edit(root / "dvc.yaml", "evaluator ${key}", "evaluator ${key} "),
    "one_stages_code": lambda root: edit(root / "stages/evaluator/stage.py", "evaluator 1", "evaluator 2"),
    "the_code_of_all_stages": lambda root: edit(root / "stages/__main__.py", "import yaml", "import yaml  # new"),
    "given_data": lambda root: edit(root / "data/sample/web/fi/pages.txt", "Metsä", "Meri"),
    "a_deleted_output": delete_output,
    "an_overwritten_output": overwrite_output,
    "an_overwritten_report": overwrite_report,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_exactly_the_stages_stale_that_dvc_calls_changed(
    made: Path, reported: dg.DagsterInstance, change: str
) -> None:
    CHANGES[change](made)
    report_outside(reported, read_graph(made))
    changed = changed_in_dvc(made)
    assert stale_in_dagster(made, reported) == changed
    assert bool(changed) == (change not in {"a_parameter_that_no_stage_reads"})


def test_before_the_first_run_everything_is_missing(fresh: Path, instance: dg.DagsterInstance) -> None:
    report_outside(instance, read_graph(fresh))
    assert stale_in_dagster(fresh, instance) == changed_in_dvc(fresh) == set(read_graph(fresh).stages)


@pytest.mark.slow
def test_dagster_and_dvc_agree_while_a_change_is_made_and_reverted(made: Path, reported: dg.DagsterInstance) -> None:
    """After a change, Dagster makes two outputs again and DVC makes the others; then the change is reverted."""
    edit(made / "languages/ur.yaml", "name: ur", "name: Urdu")
    assert materialize(made, reported, "filtered_text", language="ur").success
    assert materialize(made, reported, "seed_pairs", language="ur").success
    report_outside(reported, read_graph(made))
    assert stale_in_dagster(made, reported) == changed_in_dvc(made)
    assert {"candidate_pairs@ur", "instruction_model"} <= changed_in_dvc(made)
    dvc(made, "repro")
    report_outside(reported, read_graph(made))
    assert stale_in_dagster(made, reported) == changed_in_dvc(made) == set()
    edit(made / "languages/ur.yaml", "name: Urdu", "name: ur")
    report_outside(reported, read_graph(made))
    assert stale_in_dagster(made, reported) == changed_in_dvc(made) == {"filtered_text@ur", "seed_pairs@ur"}


def test_a_change_before_the_first_report_can_be_reverted(made: Path, instance: dg.DagsterInstance) -> None:
    before = load_settings(made / "params.yaml").refined_pairs.min_pairs
    set_param(made, "refined_pairs.min_pairs", 9)
    report_outside(instance, read_graph(made))
    assert stale_in_dagster(made, instance) == changed_in_dvc(made) != set()
    set_param(made, "refined_pairs.min_pairs", before)
    report_outside(instance, read_graph(made))
    assert stale_in_dagster(made, instance) == changed_in_dvc(made) == set()


def test_an_upstream_stage_that_gives_equal_metrics_makes_nothing_stale(
    made: Path, reported: dg.DagsterInstance
) -> None:
    """`refined_pairs` depends on the evaluator's metrics but not on its weights, and only the weights change here."""
    edit(made / "stages/evaluator/stage.py", "evaluator 1", "evaluator 2")
    dvc(made, "repro", "--single-item", "evaluator@iteration_2")
    report_outside(reported, read_graph(made))
    changed = changed_in_dvc(made)
    assert "rated_pairs@iteration_2-fi" in changed and "refined_pairs@fi" not in changed
    assert stale_in_dagster(made, reported) == changed
    assert report_outside(reported, read_graph(made)) == []


def test_a_stage_may_depend_on_two_outputs_of_one_upstream_stage(made: Path, reported: dg.DagsterInstance) -> None:
    edit(
        made / "dvc.yaml",
        "        - data/metrics/evaluator\n",
        "        - data/metrics/evaluator\n        - data/evaluator\n",
    )
    report_outside(reported, read_graph(made))
    assert stale_in_dagster(made, reported) == changed_in_dvc(made) == {"refined_pairs@fi", "refined_pairs@ur"}
    dvc(made, "repro", "refined_pairs")
    report_outside(reported, read_graph(made))
    assert stale_in_dagster(made, reported) == changed_in_dvc(made) == set()
