"""The gate of a stage judges in the process of the tests: a process for each stage takes three seconds to import."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _great_expectations() -> None:
    import great_expectations  # noqa: F401
