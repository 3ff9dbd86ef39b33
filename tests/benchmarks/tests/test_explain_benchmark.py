"""The benchmark `explain` enlarges a run, whose rows the command then finds."""

from __future__ import annotations

import pytest

from tests.benchmarks import explain


def test_rows_of_an_enlarged_run_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "SHARD", 50)
    monkeypatch.setattr(explain, "TRIES", 1)
    rows = {row.case: row for row in explain.run(documents=100)}
    assert list(rows) == ["explain a pair", "explain a document", "index of a language"]
    assert "100 documents" in rows["explain a pair"].note and rows["explain a pair"].ours > 0
