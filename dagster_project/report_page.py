"""Serves the report of the run and links to it from Dagster, which serves no files of a project.

`python -m dagster_project` starts the server on the port after Dagster's. It serves `data/report` and nothing else, for
this machine only.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.guard import HOST as OWN_NAMES
from dvc_project.graph import Stage
from x_instruction.runner.process import die_with_parent

HOST = "127.0.0.1"
REPORT = "report"
ADDRESS = "XI_REPORT_ADDRESS"  # in the environment of Dagster's processes


def report_metadata(stage: Stage) -> dict[str, Any]:
    """A link to the report while `python -m dagster_project` runs, and the path of its page."""
    if stage.artifact != REPORT:
        return {}
    page = {"page": dg.MetadataValue.path(f"{stage.output}/index.html")}
    address = os.environ.get(ADDRESS)
    return {"open": dg.MetadataValue.url(address), **page} if address else page


def serve_report(root: Path, port: int) -> subprocess.Popen[bytes] | None:
    """Starts the server, which stops when this process ends. Child processes find the address in the environment."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            print(f"the report has no link in Dagster, because port {port} cannot be used: {error}", file=sys.stderr)
            return None
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno()), str(root / "data" / REPORT)],
            cwd=root,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
        )
        os.environ[ADDRESS] = f"http://{HOST}:{listener.getsockname()[1]}/"
    return process


class _Quiet(SimpleHTTPRequestHandler):
    def send_head(self) -> Any:
        """Refuses other host names, by which another site could read the report (DNS rebinding, see guard.py)."""
        if not OWN_NAMES.fullmatch(self.headers.get("Host", "")):
            self.send_error(HTTPStatus.FORBIDDEN, "this host name is not that of this machine")
            return None
        return super().send_head()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Logs nothing, because the lines would appear between Dagster's log lines."""


def serve(listener: socket.socket, folder: str) -> None:
    server = ThreadingHTTPServer(listener.getsockname(), partial(_Quiet, directory=folder), bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.serve_forever()


if __name__ == "__main__":
    die_with_parent()
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
