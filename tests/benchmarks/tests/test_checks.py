"""The benchmark of checks times the checks in every process, and counts nested checks only once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.benchmarks import checks, table
from tests.benchmarks.checks import HOOKS, Cost, checks_of, measured, prepare
from tests.conftest import ROOT

NESTED = """
from pathlib import Path
from x_instruction.runner.work_store import finished, seal
entry = Path("entry")
entry.mkdir()
(entry / "rows").write_bytes(bytes(30_000_000))
seal(entry)
finished(entry)
"""
READS = """
from x_instruction.pages.extractor import extractor
from x_instruction.pages.limits import Limits
for number in range(3):
    extractor().extract("<html><body><p>Kissa istuu ikkunalla ja katsoo ulos.</p></body></html>", Limits())
"""
IMPORTS = "import importlib, sitecustomize\nfor name in sitecustomize.CHECKS: importlib.import_module(name)"


def lines_of(code: str, folder: Path) -> list[list[str]]:
    """Runs the code in the folder and returns the fields of the lines that the hooks write."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HOOKS), str(ROOT)]), "XI_TIMED": "times"}
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)
    times = folder / "times"
    return [line.split() for line in times.read_text().splitlines()] if times.exists() else []


def test_a_check_within_a_check_is_counted_once(tmp_path: Path) -> None:
    lines = lines_of(NESTED, tmp_path)
    assert [(kind, group) for kind, _, group, _ in lines] == [("+", "hashes")] * 2
    assert all(float(seconds) > 0 for *_, seconds in lines)


def test_every_check_that_is_timed_exists(tmp_path: Path) -> None:
    assert lines_of(IMPORTS, tmp_path) == []


def test_the_process_that_reads_pages_counts_except_for_the_reading(tmp_path: Path) -> None:
    lines = lines_of(READS, tmp_path)
    processes = Counter((kind, process) for kind, process, _, _ in lines)
    # One line has the time of the fork server. Three lines are from the process that reads pages, and three from the
    # calling process.
    assert sorted(processes.values()) == [1, 3, 3]
    assert {group for _, _, group, _ in lines} == {"pages"}
    assert sum(kind == "=" for kind, *_ in lines) == 1


def test_the_seconds_of_a_whole_process_count_once() -> None:
    found = checks_of("+ 1 hashes 0.5\n= 2 pages 1.5\n+ 1 hashes 0.25\n= 2 pages 2.0\n= 3 pages 1.0\n")
    assert found == {"hashes": 0.75, "pages": 3.0}


def test_a_row_is_the_share_of_all_processor_time() -> None:
    row = (Cost(Counter({"hashes": 1.0}), 60.0) + Cost(Counter({"hashes": 0.5, "locks": 0.5}), 40.0)).row("a run")
    assert row.ours == pytest.approx(0.02) and row.note == "the bound; 2 of 100 CPU s: hashes 1.5, locks 0.5"


def test_the_part_that_is_not_chosen_keeps_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample, text = (Cost(Counter({"hashes": 1.0}), total) for total in (100.0, 50.0))
    monkeypatch.setattr(table, "FIGURES", tmp_path)
    monkeypatch.setattr(checks, "FIGURES", tmp_path)
    table.save("checks", [sample.row("checks in the sample run"), text.row("checks in a text run, 9 documents")])
    monkeypatch.setenv("XI_CHECKS", "sample")
    monkeypatch.setitem(checks.PARTS, "sample", lambda folder: [text.row("checks in the sample run")])
    assert [(row.case, row.ours) for row in checks.run()] == [
        ("checks in the sample run", 0.02),
        ("checks in a text run, 9 documents", 0.02),
    ]


def test_a_stage_is_measured(tmp_path: Path) -> None:
    prepare(tmp_path / "project", 100)
    cost = measured(tmp_path / "project", "-m", "stages", "raw_web_text", "fi")
    assert {"hashes", "manifests", "readings", "locks", "left-overs"} <= cost.checks.keys()
    assert 0 < sum(cost.checks.values()) < cost.total
