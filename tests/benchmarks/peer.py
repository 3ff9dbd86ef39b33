"""Peers run in an environment of their own (requirements-peers.txt), so that theirs and ours cannot clash."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.benchmarks.table import ROOT, SkippedError

PYTHON = ROOT / ".venv-peers" / "bin" / "python"


def ask(script: str, **question: Any) -> Any:
    """Run peers/<script>.py in the peers' environment: the question as JSON on its input, its answer on its output."""
    if not PYTHON.exists():
        raise SkippedError("the peers' environment is not built: `make bench` builds it")
    command = [str(PYTHON), str(ROOT / "tests" / "benchmarks" / "peers" / f"{script}.py")]
    ended = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, cwd=ROOT)
    if ended.returncode:
        raise RuntimeError(f"the peer {script} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    return json.loads(ended.stdout.splitlines()[-1])
