"""Runs the gates of these tests in the test process, because a new gate process needs three seconds for its imports."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _great_expectations() -> None:
    import great_expectations  # noqa: F401
