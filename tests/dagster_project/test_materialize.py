"""Materializing an asset runs its stage and shows the result, or the reason for its failure."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg

from dagster_project.sensor import report_outside
from dvc_project.dvc_command import environment
from dvc_project.graph import read_graph
from dvc_project.project import read_lock
from tests.dagster_project.faces import changed_in_dvc, materialize, stale_in_dagster
from tests.miniature import with_package
from tests.processes import wait_for_text


def checks(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, dg.AssetCheckSeverity]]:
    return {check.check_name: (check.passed, check.severity) for check in result.get_asset_check_evaluations()}


def message(result: dg.ExecuteInProcessResult) -> str:
    """The message with which Dagster explains a failed run."""
    return str(result.failure_data_for_node("filtered_text").user_failure_data.description)


def test_a_partition_is_made_and_its_metadata_are_shown(fresh: Path, instance: dg.DagsterInstance) -> None:
    assert materialize(fresh, instance, "raw_web_text", "filtered_text", language="ur").success
    lock = read_lock(fresh)
    assert set(lock) == {"raw_web_text@ur", "filtered_text@ur"}
    event = instance.get_latest_materialization_event(dg.AssetKey("filtered_text"))
    assert event and event.asset_materialization
    found = event.asset_materialization
    assert found.partition == "ur"
    assert found.tags["dagster/data_version"] == lock["filtered_text@ur"]["outs"][0]["md5"]
    assert found.metadata["dagster/row_count"].value == 2
    assert [column.name for column in found.metadata["dagster/column_schema"].schema.columns] == ["id", "text"]
    assert "یہ ایک جملہ ہے۔" in found.metadata["sample_rows"].md_str
    assert found.metadata["dropped_rows_by_reason"].md_str.splitlines()[-1] == "| too_short | 2 |"
    assert found.metadata["seconds"].value == 0.5
    assert {"filtered_text@ur", "raw_web_text@ur"}.isdisjoint(stale_in_dagster(fresh, instance))


def test_a_warning_does_not_block_downstream_assets(fresh: Path, instance: dg.DagsterInstance) -> None:
    result = materialize(fresh, instance, "raw_web_text", "filtered_text", language="fi")
    assert result.success
    assert checks(result) == {
        "rows_at_least": (True, dg.AssetCheckSeverity.ERROR),
        "word_share_at_least": (False, dg.AssetCheckSeverity.WARN),
    }


def test_a_failed_gate_publishes_nothing_and_stops_downstream_assets(made: Path, reported: dg.DagsterInstance) -> None:
    lock = (made / "dvc.lock").read_bytes()
    (made / "languages/fi.yaml").write_text("min_rows: 3\n", encoding="utf-8")
    result = materialize(made, reported, "filtered_text", "candidate_pairs", language="fi")
    assert not result.success
    assert checks(result)["rows_at_least"][0] is False
    assert result.get_asset_materialization_events() == []
    assert {event.step_key for event in result.all_events if event.is_step_start} == {"filtered_text"}
    assert "expected rows at least 3, found 2" in message(result)
    assert (made / "dvc.lock").read_bytes() == lock
    assert materialize(made, reported, "filtered_text", language="ur").success
    report_outside(reported, read_graph(made))
    assert stale_in_dagster(made, reported) == changed_in_dvc(made)


def test_a_missing_input_is_named(fresh: Path, instance: dg.DagsterInstance) -> None:
    result = materialize(fresh, instance, "filtered_text", language="fi")
    assert not result.success
    assert message(result) == (
        "filtered_text [fi] is made from raw_web_text [fi], which does not exist: materialize it first"
    )


def test_a_run_without_a_report_does_not_show_an_old_one(made: Path, instance: dg.DagsterInstance) -> None:
    (made / "stages/filtered_text/stage.py").write_text("raise SystemExit('broken')\n", encoding="utf-8")
    old = made / "data/refused/filtered_text/fi.json"
    old.parent.mkdir(parents=True)
    shutil.copy(made / "data/quality/filtered_text/fi.json", old)
    result = materialize(made, instance, "filtered_text", language="fi")
    assert not result.success
    assert checks(result) == {}


def test_a_run_waits_for_another_run_of_the_same_path(made: Path, instance: dg.DagsterInstance) -> None:
    (made / "languages/fi.yaml").write_text("sleep: 4\n", encoding="utf-8")
    command = [sys.executable, "-m", "dvc", "repro", "-s", "filtered_text@fi"]
    other = subprocess.Popen(command, cwd=made, env=environment())
    wait_for_text(made / "data/sleeping")
    (made / "languages/fi.yaml").write_text("sleep: 0\n", encoding="utf-8")
    assert materialize(made, instance, "filtered_text", language="fi").success
    assert other.wait() == 0


def test_a_cancelled_run_ends_the_stage_and_leaves_dvc_lock_unchanged(made: Path) -> None:
    with_package(made)
    (made / "languages/fi.yaml").write_text("sleep: 60\n", encoding="utf-8")
    lock = (made / "dvc.lock").read_bytes()
    (made / ".dagster_home").mkdir()
    command = ["-m", "dagster", "asset", "materialize", "-m", "dagster_project.definitions"]
    run = subprocess.Popen(
        [sys.executable, *command, "--select", "filtered_text", "--partition", "fi"],
        cwd=made,
        env={**os.environ, "DAGSTER_HOME": str(made / ".dagster_home")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stage = int(wait_for_text(made / "data/sleeping"))
    group = os.getpgid(stage)
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=20) != 0
    assert not _alive(group)
    assert (made / "dvc.lock").read_bytes() == lock


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
