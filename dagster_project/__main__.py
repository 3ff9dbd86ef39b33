"""Open the UI, for this machine only: `python -m dagster_project [--port 3000]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from dagster_project.report_page import HOST, serve_report
from dvc_project.prefork import start
from dvc_project.project import read_settings
from x_instruction.runner.errors import XInstructionError

INSTANCE = """\
# `python -m dagster_project` writes this file if it does not exist. Events and runs are SQLite files in this folder.
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
    """Makes Dagster's folder and settings, at DAGSTER_HOME or in the project. Only this user can open a new folder."""
    home = Path(os.environ.get("DAGSTER_HOME") or root / ".dagster_home").resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(INSTANCE, encoding="utf-8")
    return home


def _load_ahead(root: Path, threads: int) -> None:
    """Starts a process that loads the libraries once for all materialized stages (see dvc_project/prefork.py)."""
    try:
        start(root, Path(os.environ["DAGSTER_HOME"], "preloaded"), threads)
    except OSError as error:  # for example, the socket's path has more than 107 bytes
        print(f"each stage will load its libraries itself: {error}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dagster_project", description="Open the pipeline's UI.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("DAGSTER_PORT", "3000")))
    port = str(parser.parse_args(arguments).port)
    root = Path.cwd()
    try:
        threads = read_settings(root).execution.threads
    except XInstructionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    os.environ["DAGSTER_HOME"] = str(prepare_home(root))
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    print(f"Dagster opens on http://{HOST}:{port} in a few seconds (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "dagster_project.dev", "-m", "dagster_project.definitions", "-h", HOST, "-p", port]
    _load_ahead(root, threads)
    serve_report(root, int(port) + 1)
    # A process that a shell starts in the background ignores the interrupt signal, with which Dagster cancels runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(sys.executable, command)


if __name__ == "__main__":
    sys.exit(main())
