"""The benchmark command finds its benchmarks by their `run` function."""

from __future__ import annotations

import pytest

from tests.benchmarks.__main__ import main, names
from tests.benchmarks.table import FIGURES


def test_every_benchmark_with_published_figures_can_be_run() -> None:
    assert {path.stem for path in FIGURES.glob("*.json")} <= set(names())


def test_helper_modules_are_not_benchmarks() -> None:
    assert not {"__main__", "table", "peer", "project_copy"} & set(names())


def test_an_unknown_benchmark_is_refused_and_the_known_names_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no_such_benchmark"]) == 1
    message = capsys.readouterr().err
    assert "there is no benchmark 'no_such_benchmark'" in message and "near_duplicates" in message


def test_an_invalid_setting_ends_the_command_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANGUAGES", "xx")
    assert main(["real_model"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: real_model: LANGUAGES: 'xx' is not a language") and message.count("\n") == 1
