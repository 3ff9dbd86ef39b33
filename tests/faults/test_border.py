"""A fault of the machine is reported in one sentence, without a traceback or half-published data."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import pytest

from dvc_project.run import main
from tests.x_instruction.runner.test_shell import _project_master, command, project  # noqa: F401 (fixtures)


def test_a_full_disk_ends_the_stage_with_one_sentence(project: Path) -> None:  # noqa: F811
    # A limit on the size of files makes writes fail, as on a full disk.
    limits = (resource.RLIMIT_FSIZE, (2_000, 2_000))
    done = subprocess.run(
        command("seed_pairs", "fi"),
        cwd=project,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(*limits),
    )
    assert done.returncode == 1
    assert "there is no room left on the disk: free some space" in done.stderr or "File too large: free" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "data/seed_pairs").exists() and not (project / "data/quality").exists()


def test_an_empty_file_of_locks_does_not_stop_a_run(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (made / ".dvc/tmp/rwlock").write_text("")
    monkeypatch.chdir(made)
    assert main([]) == 0
    assert "rwlock is not valid JSON" in capsys.readouterr().err
