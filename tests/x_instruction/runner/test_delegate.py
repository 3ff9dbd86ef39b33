"""The wait for a process that does not answer is limited."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from x_instruction.runner import delegate, great_expectations
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import Expectation
from x_instruction.runner.great_expectations import Validator


def test_a_stage_loads_the_libraries_if_the_preloaded_process_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("die_with_parent", "die_with_run"):
        monkeypatch.setattr(delegate, name, lambda: None, raising=False)
    monkeypatch.setattr(delegate, "LONGEST_START", 0.2)
    monkeypatch.setenv(delegate.SOCKET, str(tmp_path / "socket"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        assert delegate.delegated(["raw_web_text", "fi"]) is None
    assert "gave no answer for 0 s, so this process loads them" in capsys.readouterr().err


def test_a_missing_verdict_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(great_expectations, "LONGEST_VERDICT", 0.2)
    silent = [sys.executable, "-c", "import sys, time; sys.stdin.read(); time.sleep(60)"]
    validator = Validator()
    validator._process = subprocess.Popen(silent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    rows = Expectation("rows", "critical", "a reason", at_least=1)
    with pytest.raises(InputError, match=rf"process {validator._process.pid} \(Great Expectations\) gave no verdict"):
        validator.validate([rows], {"rows": 1})
    validator.__exit__()
