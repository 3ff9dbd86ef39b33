"""Imports Great Expectations, because a gate would otherwise start a process whose imports take 2 to 4 s."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _great_expectations() -> None:
    import great_expectations  # noqa: F401
