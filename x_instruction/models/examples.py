"""The example from which a model learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """One training example: the loss is on `completion` only."""

    prompt: list[int]
    completion: list[int]
