"""Runs datatrove, a peer of this project, in a separate environment, because its packages could clash with ours.

requirements-peers.txt lists the packages. The other peers are imported in the project's environment.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.benchmarks.table import ROOT, SkippedError

PYTHON = ROOT / ".venv-peers" / "bin" / "python"


def ask(script: str, **question: Any) -> Any:
    """Run peers/<script>.py, which reads `question` as JSON and prints the answer as JSON in its last line of output.

    Raises SkippedError if the environment is not built, and RuntimeError if the script fails.
    """
    if not PYTHON.exists():
        raise SkippedError("the peers' environment is not built; `make bench` builds it")
    command = [str(PYTHON), str(ROOT / "tests" / "benchmarks" / "peers" / f"{script}.py")]
    process = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, cwd=ROOT)
    if process.returncode:
        raise RuntimeError(f"the peer {script} ended with {process.returncode}:\n{process.stderr[-2000:]}")
    return json.loads(process.stdout.splitlines()[-1])
