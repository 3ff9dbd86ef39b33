"""The example from which a model learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """One training example as token ids. The loss is computed only over `completion`."""

    prompt: list[int]
    completion: list[int]
