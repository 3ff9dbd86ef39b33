"""What every back end offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sampling:
    """How to sample. `temperature` 0 is greedy; `stop` holds token ids that end a text."""

    temperature: float
    top_p: float
    max_new_tokens: int
    stop: tuple[int, ...]
    seed: int
    no_repeat_ngram: int = 0


@dataclass(frozen=True)
class Generated:
    """`finish_reason`: `stop` when the model ended the text itself, `length` when it was cut off."""

    text: str
    tokens: int
    finish_reason: str


class Engine(Protocol):
    """A loaded model."""

    name: str

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        """One text per prompt, in order; the same for the same seed and prompts."""
        ...

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        """Probability of each label (a token id) at the next position, restricted to the labels.

        Shape: (prompts, labels); each row sums to one.
        """
        ...

    def close(self) -> None: ...
