"""Two runs of the same artifact and language never work at the same time; a run that waits too long fails clearly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import ROOT
from x_instruction.runner import patience
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Metric
from x_instruction.runner.job import Job
from x_instruction.runner.one_run import one_run
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import write_shard
from x_instruction.runner.shell import run_stage

HOLDS = """
import sys
from pathlib import Path
from x_instruction.runner import patience
from x_instruction.runner.one_run import one_run
patience.LOCKS = Path(sys.argv[2])
with one_run(Path(sys.argv[1]), "texts fi"):
    print("held", flush=True)
    sys.stdin.read()
    Path(sys.argv[1], "ended").touch()
"""


@contextmanager
def holding(work: Path, locks: Path = patience.LOCKS) -> Iterator[subprocess.Popen[str]]:
    """A process that has the lock until its standard input is closed; it reads the system's locks from `locks`."""
    arguments = [sys.executable, "-c", HOLDS, str(work), str(locks)]
    other = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout and other.stdout.readline() == "held\n"
    yield other
    other.kill()
    other.wait()


def end_after(looks: int, other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretends that the other process works for a second between two checks, and ends it at the last of the checks."""
    done = iter(range(1, looks + 1))

    def work(processes: Iterable[int | None]) -> int:
        assert list(processes) == [other.pid]
        if (look := next(done)) == looks:
            assert other.stdin
            other.stdin.close()
        return look

    monkeypatch.setattr(patience, "work_of", work)


def test_a_second_run_waits_and_names_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with holding(tmp_path) as other:
        end_after(1, other, monkeypatch)
        with one_run(tmp_path, "texts fi"):
            assert (tmp_path / "ended").exists()
    assert f"texts fi waits for process {other.pid} ({sys.executable} -c" in capsys.readouterr().err


def test_a_run_that_works_is_waited_for_on_a_system_that_lists_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(patience, "LOCKS", tmp_path / "none")
    monkeypatch.setattr(patience, "MESSAGE_EVERY", 0.05)  # 20 checks take 1 s; the other run may be idle for 0.3 s
    with holding(tmp_path, tmp_path / "none") as other:
        end_after(20, other, monkeypatch)
        with one_run(tmp_path, "texts fi", longest_wait=0.3):
            assert (tmp_path / "ended").exists()
    assert f"texts fi waits for process {other.pid}" in capsys.readouterr().err


def test_a_wait_ends_with_a_sentence_that_names_the_holder(tmp_path: Path) -> None:
    with holding(tmp_path) as other:
        expected = rf"texts fi waited . s for process {other.pid} \(.* gave up: wait for the other run or stop it"
        with pytest.raises(InputError, match=expected), one_run(tmp_path, "texts fi", longest_wait=0.5):
            pass


def test_a_killed_run_holds_no_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with holding(tmp_path) as other:
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
