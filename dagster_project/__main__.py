"""Open the UI on this machine only: `python -m dagster_project [--port 3000]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from dvc_project.prefork import start
from stages.params import load_settings
from x_instruction.runner.errors import XInstructionError

HOST = "127.0.0.1"
INSTANCE = """\
# Written by `python -m dagster_project` when absent. Events and runs: SQLite files in this folder.
telemetry:
  enabled: false
nux: # no sign-up dialog over the first page
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 2
run_queue:
  dequeue_interval_seconds: 1
"""


def prepare_home(root: Path) -> Path:
    """Dagster's own folder in the project, git-ignored, with its settings."""
    home = Path(os.environ.get("DAGSTER_HOME") or root / ".dagster_home").resolve()
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(INSTANCE, encoding="utf-8")
    return home


def _load_ahead(root: Path) -> None:
    """Have the libraries loaded once for all stages that are materialized: each then starts 3 to 8 s earlier."""
    socket = Path(os.environ["DAGSTER_HOME"], "preloaded")
    try:
        start(root, socket, load_settings(root / "params.yaml").execution.threads)
    except (XInstructionError, OSError) as error:
        # A socket's path has 107 bytes at most; and a setting that is wrong is told by the stages themselves.
        print(f"libraries are not loaded ahead: {error}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m dagster_project", description="Open the pipeline's UI.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("DAGSTER_PORT", "3000")))
    port = str(parser.parse_args(arguments).port)
    root = Path(__file__).resolve().parents[1]
    os.chdir(root)
    os.environ["DAGSTER_HOME"] = str(prepare_home(root))
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    print(f"Dagster opens on http://{HOST}:{port} in a few seconds (end it with Ctrl-C)", flush=True)
    command = [sys.executable, "-m", "dagster", "dev", "-m", "dagster_project.definitions", "-h", HOST, "-p", port]
    _load_ahead(root)
    # A shell that starts this in the background has it ignore the interrupt, and with it every run it starts.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
