from __future__ import annotations

from pathlib import Path

import pytest

from stages.params import Settings
from tests.commands.finished_run import finished_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> tuple[Path, Settings]:
    """The folder and the settings of a finished run. Tests must not change the folder."""
    root = tmp_path_factory.mktemp("run") / "project"
    root.mkdir()
    return root, finished_run(root, settings)
