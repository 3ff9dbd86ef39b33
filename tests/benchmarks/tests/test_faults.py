"""The benchmark of killed runs reports half-published outputs and resumes after an interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import faults
from tests.benchmarks.__main__ import main
from tests.benchmarks.faults import Record, killed_runs, problems_of, rows
from x_instruction.runner.checksums import FILES, checksums, write_sealed

OUTPUT = "data/filtered_text/fi"


def test_half_published_and_damaged_outputs_are_problems(made: Path) -> None:
    folder = made / OUTPUT
    assert problems_of(made) == []
    (folder / "manifest.json").unlink()
    assert problems_of(made) == [f"{OUTPUT} is half-published"]
    write_sealed(folder / "manifest.json", {"artifact": "filtered_text", FILES: checksums(folder)})
    assert problems_of(made) == []
    (folder / "part-00000.parquet").unlink()
    assert "part-00000.parquet is damaged" in problems_of(made)[0]


def test_a_damaged_lock_file_is_a_problem(made: Path) -> None:
    (made / "dvc.lock").write_text("")
    assert ["dvc.lock" in problem for problem in problems_of(made)] == [True]


def test_an_interrupted_benchmark_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    undisturbed: list[Path] = []

    def go_on(folder: Path, record: Record, may_kill: bool) -> None:
        if may_kill:
            if record.tried == 2 and not ended:
                ended.append(True)
                raise RuntimeError("ended")
            record.tried, record.survived = record.tried + 1, record.survived + 1
        else:
            record.ended, record.equal = 1, 1
            (folder / "killed").rmdir()

    monkeypatch.setattr(faults, "_undisturbed", lambda project, make: undisturbed.append(project) or 9.0)
    monkeypatch.setattr(faults, "_go_on", go_on)
    with pytest.raises(RuntimeError):
        killed_runs(tmp_path, lambda project: project.mkdir(parents=True), 4)
    record = killed_runs(tmp_path, lambda project: project.mkdir(parents=True), 4)
    assert len(undisturbed) == 1
    assert (record.tried, record.survived, record.ended) == (4, 4, 1)
    first, *_ = rows(record, "miniature")
    assert (first.ours, first.peer) == (4, 4)


def test_an_unknown_project_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PROJECT", "none")
    assert main(["faults"]) == 1
    assert "PROJECT: 'none' is not a project; choose from embedded, miniature" in capsys.readouterr().err
