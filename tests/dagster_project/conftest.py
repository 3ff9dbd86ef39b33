"""Dagster instances for tests: an empty one, and one that knows every output that DVC made in the small project."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")

from dagster_project.sensor import report_outside
from dvc_project.graph import read_graph


@pytest.fixture(scope="session")
def _reported_master(made_master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported") / "home"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        report_outside(instance, read_graph(made_master))
    return folder


@pytest.fixture
def reported(_reported_master: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance that knows every output of the project `made`."""
    with dg.DagsterInstance.local_temp(str(shutil.copytree(_reported_master, tmp_path / "home"))) as instance:
        yield instance


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance
