"""numba's cache on disk is used again, unless any code that a compiled function uses has changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

CALLER = """
from x_instruction.planted.called import step
from x_instruction.words.compiled import compiled

@compiled
def answer():
    return step() + 1
"""
CALLED = """
from x_instruction.planted.figures import FIGURE
from x_instruction.words.compiled import compiled

@compiled
def step():
    return FIGURE + 10
"""
ASK = "from x_instruction.planted.caller import answer; print(answer(), sum(answer.stats.cache_hits.values()))"


def asked(folder: Path) -> tuple[int, int]:
    """Calls the function in a new process. Returns its result and how many functions came from the cache."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    answer, hits = ended.stdout.split()
    return int(answer), int(hits)


@pytest.mark.parametrize(
    ("changed", "text", "answer"), [("called", CALLED.replace("10", "20"), 121), ("figures", "FIGURE = 200\n", 211)]
)
def test_a_changed_file_that_the_function_uses_empties_its_cache(
    tmp_path: Path, changed: str, text: str, answer: int
) -> None:
    shutil.copytree(ROOT / "x_instruction", tmp_path / "x_instruction", ignore=shutil.ignore_patterns("__pycache__"))
    package = tmp_path / "x_instruction" / "planted"
    package.mkdir()
    for name, code in {"__init__": "", "caller": CALLER, "called": CALLED, "figures": "FIGURE = 100\n"}.items():
        (package / f"{name}.py").write_text(code, encoding="utf-8")
    assert [asked(tmp_path), asked(tmp_path)] == [(111, 0), (111, 1)]
    (package / f"{changed}.py").write_text(text, encoding="utf-8")
    assert asked(tmp_path) == (answer, 0)
