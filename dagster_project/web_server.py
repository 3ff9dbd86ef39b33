"""Dagster's web server behind the guard. The arguments are those of `dagster-webserver`.

python -m dagster_project.web_server --empty-workspace -h 127.0.0.1 -p 3000
"""

from __future__ import annotations

from typing import Any

import dagster_webserver.app
from dagster_webserver.cli import main
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware

from dagster_project.guard import Guard


class GuardedWebserver(DagsterWebserver[Any, Any]):
    """Dagster's web server with the guard as its outermost part, so that no other code sees a refused request."""

    def build_middleware(self) -> list[Middleware]:
        return [Middleware(Guard), *super().build_middleware()]


if __name__ == "__main__":
    dagster_webserver.app.DagsterWebserver = GuardedWebserver  # type: ignore[attr-defined]
    main()
