"""`dagster dev` with our web server in place of Dagster's: `python -m dagster_project` becomes this process.

Dagster has no setting for the module of the web server that it starts beside its daemon. So the function that
starts both is given our module's name. A test asks the running UI from a foreign page.
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
