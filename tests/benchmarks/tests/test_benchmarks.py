"""What the README claims is what the benchmarks wrote."""

from __future__ import annotations

import ast

import pytest

from tests.benchmarks.__main__ import FOLDER, main, names
from tests.benchmarks.claims import README, rendered


def test_the_readmes_figures_are_those_of_the_last_benchmarks() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == rendered(text), "run `make bench`, or `python -m tests.benchmarks NAME`, and commit README.md"


def test_every_benchmark_can_be_run() -> None:
    for name in names():
        tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
        assert any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body), name


def test_an_unknown_benchmark_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no_such_benchmark"]) == 1
    assert "no benchmark 'no_such_benchmark'" in capsys.readouterr().err
