"""What every back end offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sampling:
    """How to sample. `temperature` 0 is greedy; `stop` holds token ids that end a text, `stop_strings` texts that do.

    `no_repeat_ngram` forbids a run of so many tokens to come twice in what is generated; `repetition_penalty` above
    1 makes every token of prompt and text less likely (Keskar et al. 2019). `candidates`: texts for each prompt.
    """

    temperature: float
    top_p: float
    max_new_tokens: int
    stop: tuple[int, ...]
    seed: int
    no_repeat_ngram: int = 0
    repetition_penalty: float = 1.0
    stop_strings: tuple[str, ...] = ()
    candidates: int = 1


@dataclass(frozen=True)
class Generated:
    """`finish_reason`: `stop` when the model ended the text itself, `length` when it was cut off.

    `tokens`: those generated, the stop token not counted.
    """

    text: str
    tokens: int
    finish_reason: str


class Engine(Protocol):
    """A loaded model."""

    name: str

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        """`candidates` texts for each prompt, one after the other, in the order of the prompts.

        The same for the same seed and prompts.
        """
        ...

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        """Probability of each label (a token id) at the next position, restricted to the labels.

        Shape: (prompts, labels); each row sums to one.
        """
        ...

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        """Mean log-probability (nats a token, 0 at most) of each completion after its prompt; none is empty."""
        ...

    def facts(self) -> dict[str, float | int | str]:
        """What the run log says of this back end beside the counts of every one: requests, retries, cost …"""
        ...

    def close(self) -> None: ...


def repeated(prompts: Sequence[Sequence[int]], candidates: int) -> list[Sequence[int]]:
    """Each prompt as often as it wants candidates, so that every text is drawn with a seed of its own.

    vLLM's `n` gives the second text of a prompt the seed of the next prompt's first one.
    """
    return [prompt for prompt in prompts for _ in range(candidates)]
