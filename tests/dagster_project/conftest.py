"""A miniature project for each test; one that `dvc repro` has made is made once and copied."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")

from dagster_project.sensor import report_outside
from dvc_project.graph import read_graph
from tests.miniature import dvc, make_miniature


@pytest.fixture(scope="session")
def _fresh_master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_miniature(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def _made_master(_fresh_master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "project"
    shutil.copytree(_fresh_master, folder)
    dvc(folder, "repro")
    return folder


@pytest.fixture
def fresh(_fresh_master: Path, tmp_path: Path) -> Path:
    """A miniature in which nothing was made yet."""
    return Path(shutil.copytree(_fresh_master, tmp_path / "project"))


@pytest.fixture
def made(_made_master: Path, tmp_path: Path) -> Path:
    """A miniature in which `dvc repro` has made everything."""
    return Path(shutil.copytree(_made_master, tmp_path / "project"))


@pytest.fixture(scope="session")
def _reported_master(_made_master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported") / "home"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as one:
        report_outside(one, read_graph(_made_master))
    return folder


@pytest.fixture
def reported(_reported_master: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance to which the sensor has reported all of `made`."""
    with dg.DagsterInstance.local_temp(str(shutil.copytree(_reported_master, tmp_path / "home"))) as one:
        yield one


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as one:
        yield one
