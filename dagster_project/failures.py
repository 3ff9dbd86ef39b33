"""Errors that a user can fix, shown in Dagster as one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from x_instruction.runner.errors import XInstructionError


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """Turns an error that a user can fix into a failure that is not retried."""
    try:
        yield
    except XInstructionError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
