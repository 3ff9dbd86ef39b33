"""Two runs of the same artifact and language never work at the same time; a run that waits too long fails clearly."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import ROOT
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.one_run import one_run
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import write_shard
from x_instruction.runner.shell import run_stage

HOLDS = """
import sys, time
from pathlib import Path
from x_instruction.runner.one_run import one_run
with one_run(Path(sys.argv[1]), "texts fi"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holding(work: Path, seconds: float) -> subprocess.Popen[str]:
    """Starts another process, which keeps the lock for the given number of seconds."""
    arguments = [sys.executable, "-c", HOLDS, str(work), str(seconds)]
    other = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert other.stdout and other.stdout.readline() == "held\n"
    return other


def test_a_second_run_waits_and_names_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, started = holding(tmp_path, 1.5), time.monotonic()
    with one_run(tmp_path, "texts fi"):
        assert time.monotonic() - started > 1
    assert f"texts fi waits for process {other.pid} ({sys.executable} -c" in capsys.readouterr().err
    other.wait()


def test_a_wait_ends_with_a_sentence_that_names_the_holder(tmp_path: Path) -> None:
    other = holding(tmp_path, 60)
    expected = rf"texts fi waited . s for process {other.pid} \(.* gave up: wait for the other run or stop it"
    with pytest.raises(InputError, match=expected), one_run(tmp_path, "texts fi", longest_wait=0.5):
        pass
    other.kill()
    other.wait()


def test_a_killed_run_holds_no_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = holding(tmp_path, 60)
    other.kill()
    other.wait()
    with one_run(tmp_path, "texts fi"):
        assert "waits for" not in capsys.readouterr().err


class Looking:
    """A stage that records the files beside its staging folder."""

    def run(self, job: Job) -> Outcome:
        self.beside = sorted(path.name for path in job.staging.parent.iterdir())
        write_shard(pl.DataFrame({"id": ["a"]}), job.staging / "part-00000.parquet")
        return Outcome(rows_in=1)

    def measure(self, job: Job, outcome: Outcome) -> dict[str, Metric]:
        return {}


def test_left_over_folders_of_killed_runs_are_removed(make_job: Callable[..., Job], tmp_path: Path) -> None:
    job, stage, suite = make_job("texts"), Looking(), tmp_path / "suite.yaml"
    suite.write_text("- metric: rows\n  at_least: 1\n  severity: critical\n  because: none is useless\n")
    for left in (job.staging / "half.parquet", job.staging.with_name(f".{job.staging.name}.x1") / "old"):
        left.parent.mkdir(parents=True)
        left.write_text("half")
    job.staging.with_name("other").mkdir()
    run_stage(job, stage, suite)
    assert stage.beside == ["other", job.staging.name]
    assert sorted(path.name for path in job.target.iterdir()) == ["manifest.json", "part-00000.parquet"]
