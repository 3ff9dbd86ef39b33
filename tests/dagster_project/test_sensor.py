"""The sensor reports every output that `dvc repro` made outside Dagster, and reports it only once."""

from pathlib import Path

import dagster as dg

from dagster_project.definitions import build_definitions
from dagster_project.sensor import files_under, report_outside
from dvc_project.graph import read_graph
from tests.dagster_project.faces import changed_in_dvc, stale_in_dagster
from tests.miniature import dvc


def tick(
    project: Path | dg.Definitions, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[dg.SensorResult, str | None]:
    """Evaluates the sensor once. Returns the result and the new cursor."""
    definitions = project if isinstance(project, dg.Definitions) else build_definitions(project)
    with dg.build_sensor_context(instance, cursor=cursor, definitions=definitions) as context:
        data = definitions.get_repository_def().get_sensor_def("dvc_changes").evaluate_tick(context)
    return data, data.cursor


def test_outside_runs_are_reported_once(fresh: Path, instance: dg.DagsterInstance) -> None:
    dvc(fresh, "repro", "filtered_text@fi")
    first, cursor = tick(fresh, instance)
    assert first.run_requests[0].run_config["ops"]["report_checks_of_stages"]["config"] == {
        "stages": ["raw_web_text@fi", "filtered_text@fi"]
    }
    assert tick(fresh, instance, cursor)[0].run_requests == []
    assert tick(fresh, instance)[0].run_requests == []
    assert stale_in_dagster(fresh, instance) == changed_in_dvc(fresh)
    event = instance.get_latest_materialization_event(dg.AssetKey("filtered_text"))
    assert event and event.asset_materialization
    assert event.asset_materialization.metadata["dagster/row_count"].value == 2


def test_checks_of_outside_runs_can_be_reported_repeatedly(made: Path, instance: dg.DagsterInstance) -> None:
    job = build_definitions(made).resolve_job_def("report_checks")
    config = {"ops": {"report_checks_of_stages": {"config": {"stages": ["filtered_text@fi", "filtered_text@ur"]}}}}
    for _ in range(2):
        assert job.execute_in_process(run_config=config, instance=instance).success
    key = dg.AssetCheckKey(dg.AssetKey("filtered_text"), "rows_at_least")
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    assert [record.status.value for record in history] == ["SUCCEEDED"] * 4
    assert {record.partition for record in history} == {"fi", "ur"}


def test_an_unchanged_workspace_is_not_read_again(made: Path, instance: dg.DagsterInstance) -> None:
    _, cursor = tick(made, instance)
    again, same = tick(made, instance, cursor)
    assert again.skip_message == "nothing changed in the workspace"
    assert same == cursor
    (made / "languages/ur.yaml").write_text("name: Urdu\n", encoding="utf-8")
    assert tick(made, instance, cursor)[1] != cursor
    assert stale_in_dagster(made, instance) == changed_in_dvc(made) != set()
    assert report_outside(instance, read_graph(made)) == []


def test_compiled_code_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    for name in ("stage.py", "__pycache__/stage.cpython-311.pyc", "__pycache__/count.nbi", "left.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert files_under(tmp_path) == [tmp_path / "stage.py"]
