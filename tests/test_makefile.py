"""The targets of the Makefile."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.conftest import ROOT

# This script replaces Python: a folder exists while it runs, and it fails if another one runs in the same environment.
PYTHON = "#!/bin/sh\nmkdir busy || exit 1\nsleep 0.2\nrmdir busy\n"


def test_with_j_one_pip_runs_after_the_other(tmp_path: Path) -> None:
    for path in (ROOT / "Makefile", *ROOT.glob("requirements-*.txt")):
        shutil.copy(path, tmp_path)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON)
    python.chmod(0o755)
    subprocess.run(["make", "-j", "vllm", "ray", "lm_eval"], cwd=tmp_path, check=True)
