"""`python -m x_instruction` lists and starts every command, also the one that is not in commands/."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def started(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "x_instruction", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_help_lists_all_commands(tmp_path: Path) -> None:
    assert "{explain,judging,release}" in started(tmp_path, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "no-id"], "params.yaml does not exist: run from"),
        (["judging", "export", "people"], "data/eval_scores has no published answers: run `make run` first"),
    ],
)
def test_a_command_is_started_with_its_arguments(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = started(tmp_path, *arguments)
    assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1, done.stderr
