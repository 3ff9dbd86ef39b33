"""What numba keeps on disk is used again, and not once any code that it was made from has changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CALLER = """
from planted.called import step
from stages.filtered_text.compiled import compiled

@compiled
def answer():
    return step() + 1
"""
CALLED = """
from planted.figures import FIGURE
from stages.filtered_text.compiled import compiled

@compiled
def step():
    return FIGURE + 10
"""
ASK = "from planted.caller import answer; print(answer(), sum(answer.stats.cache_hits.values()))"


def asked(folder: Path) -> tuple[int, int]:
    """What a process of its own is answered, and how much of it came from the disk."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    told = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    answer, hits = told.stdout.split()
    return int(answer), int(hits)


@pytest.mark.parametrize(
    ("changed", "text", "answer"), [("called", CALLED.replace("10", "20"), 121), ("figures", "FIGURE = 200\n", 211)]
)
def test_a_change_of_a_called_file_is_seen(tmp_path: Path, changed: str, text: str, answer: int) -> None:
    package = tmp_path / "planted"
    package.mkdir()
    for name, code in {"__init__": "", "caller": CALLER, "called": CALLED, "figures": "FIGURE = 100\n"}.items():
        (package / f"{name}.py").write_text(code, encoding="utf-8")
    assert [asked(tmp_path), asked(tmp_path)] == [(111, 0), (111, 1)]
    (package / f"{changed}.py").write_text(text, encoding="utf-8")
    assert asked(tmp_path) == (answer, 0)
