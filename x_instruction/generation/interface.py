"""The interface of the engines, which generate and score texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sampling:
    """How an engine samples texts.

    `temperature`: sampling temperature; 0 is greedy decoding.
    `stop`, `stop_strings`: token ids and strings that end a text.
    `no_repeat_ngram`: no sequence of this many tokens may occur twice in the generated text; 0 disables the rule.
    `repetition_penalty`: above 1, each token that is already in the prompt or the text becomes less likely (Keskar et
    al. 2019).
    `candidates`: number of texts for each prompt.
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
    """A generated text.

    `finish_reason`: `stop` if a stop token or a stop string ended the text, `length` if the text was cut off.
    `tokens`: number of generated tokens without the stop token.
    """

    text: str
    tokens: int
    finish_reason: str


class Engine(Protocol):
    """A loaded model."""

    name: str

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        """`sampling.candidates` texts for each prompt, in the order of the prompts; `sampling.seed` fixes the draws."""
        ...

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        """Probability of each label (a token id) at the next position, restricted to the labels.

        Shape: (prompts, labels); each row sums to one.
        """
        ...

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        """Mean log-probability (nats per token, at most 0) of each completion after its prompt.

        No completion may be empty.
        """
        ...

    def facts(self) -> dict[str, float | int | str]:
        """Facts for the run log that LazyEngine does not count, for example requests, retries and cost."""
        ...

    def close(self) -> None: ...


def repeated(prompts: Sequence[Sequence[int]], candidates: int) -> list[Sequence[int]]:
    """Repeats each prompt `candidates` times, so that every text can have its own seed.

    With vLLM's parameter `n`, the second text of a prompt would have the same seed as the first text of the next one.
    """
    return [prompt for prompt in prompts for _ in range(candidates)]
