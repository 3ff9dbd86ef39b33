"""Checks expectations in the process of the tests, because a new process would need three seconds for its imports."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _great_expectations() -> None:
    import great_expectations  # noqa: F401
