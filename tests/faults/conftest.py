"""Imports Great Expectations, so that a gate starts no process for it, whose imports would take 2 to 4 s."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _great_expectations() -> None:
    import great_expectations  # noqa: F401
