"""Dagster links to the report on a local server, which serves no other file of the project."""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dagster_project.report_page import ADDRESS, report_metadata, serve_report
from dvc_project.graph import Stage
from tests.conftest import ROOT


def stage(artifact: str) -> Stage:
    return Stage(artifact, artifact, None, None, "", f"data/{artifact}", None, (), ())


def test_the_report_has_a_path_and_while_the_ui_runs_also_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    assert set(report_metadata(stage("report"))) == {"page"}
    assert report_metadata(stage("report"))["page"].path == "data/report/index.html"
    monkeypatch.setenv(ADDRESS, "http://127.0.0.1:3001/")
    assert report_metadata(stage("report"))["open"].url == "http://127.0.0.1:3001/"
    assert report_metadata(stage("eval_scores")) == {}


def test_the_server_serves_only_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, "")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "params.yaml").write_text("seed: 1")
    process = serve_report(tmp_path, 0)
    assert process is not None
    address = os.environ[ADDRESS]
    assert address.startswith("http://127.0.0.1:")
    try:
        # The report is made after the server has started, as in a first run.
        (tmp_path / "data/report").mkdir(parents=True)
        (tmp_path / "data/report/index.html").write_text("<h1>Report</h1>")
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.read() == b"<h1>Report</h1>"
        for path in ("../../params.yaml", "%2e%2e/%2e%2e/params.yaml", "params.yaml"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(address + path, timeout=30)
        for name in ("foreign.example.org", f"foreign.example.org:{address.rpartition(':')[2]}", ""):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(urllib.request.Request(address, headers={"Host": name}), timeout=30)
    finally:
        process.kill()
        process.wait()


def test_a_taken_port_is_reported_and_the_ui_starts_without_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert serve_report(tmp_path, port) is None
    assert f"port {port} cannot be used" in capsys.readouterr().err
