"""Runs `dagster dev` with our guarded web server in place of Dagster's; `python -m dagster_project` starts it.

Dagster has no setting for the module of its web server. So the function with which `dagster dev` starts its processes
is replaced by one that starts our module instead. A test checks that the running UI refuses requests from other web
pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dagster._cli import dev

DAGSTERS, OURS = "dagster_webserver", "dagster_project.web_server"


def main() -> None:
    start = dev.open_ipc_subprocess

    def guarded(command: Sequence[str], **options: Any) -> Any:
        return start([OURS if part == DAGSTERS else part for part in command], **options)

    dev.open_ipc_subprocess = guarded
    dev.dev_command(prog_name="dagster dev")


if __name__ == "__main__":
    main()
