"""Text generation by an OpenAI-compatible server that takes token ids and knows `prompt_logprobs`, as `vllm serve`.

The key comes from ENDPOINT_API_KEY alone. The local model folder gives the tokenizer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from x_instruction.generation.endpoint_client import EndpointClient
from x_instruction.generation.interface import Generated, Sampling, repeated
from x_instruction.generation.progress import Progress
from x_instruction.generation.served_model import (
    Question,
    likelihoods_of,
    refuse_another_model,
    served_name,
    shares_of,
    shortest,
)
from x_instruction.generation.settings import TextGeneration
from x_instruction.models.checkpoints import load_tokenizer
from x_instruction.runner.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")

NGRAM_RULE = "--logits-processors x_instruction.generation.vllm_rules:NoRepeatNgram"
COMPARED_TOKENS = 16  # of the texts on which the server is compared with the weights it should have


class EndpointEngine:
    name = "endpoint"

    def __init__(self, model: Path, settings: TextGeneration, seed: int) -> None:
        self.tokenizer = load_tokenizer(model)
        named = settings.endpoint.model_copy(update={"model": served_name(model, settings)})
        self.client = EndpointClient(named)
        self.concurrency = settings.endpoint.concurrency
        self.batch_size = settings.batch_size
        self.seed = seed
        self.folder, self.settings = model, settings
        self._trusted = settings.endpoint.max_difference is None

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        self._compare(partial(self._texts_of, prompts, sampling))
        asked = repeated(prompts, sampling.candidates)
        with Progress(len(asked)) as progress:

            def work(numbered: tuple[int, Sequence[int]]) -> Generated:
                text = self._generate(*numbered, sampling)
                progress.done(1, text.tokens)
                return text

            # A request and a seed for each prompt: with one for all, vLLM draws the same numbers for every text.
            return list(self._side_by_side(work, enumerate(asked)))

    def _generate(self, number: int, prompt: Sequence[int], sampling: Sampling) -> Generated:
        (choice,) = self.client.complete(
            [list(prompt)],
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_new_tokens,
            stop=list(sampling.stop_strings) or None,
            seed=(sampling.seed + number) % 2**31,
            extra_body={
                "stop_token_ids": list(sampling.stop),
                "repetition_penalty": sampling.repetition_penalty,
                "ignore_eos": True,
                # Else a server takes what the checkpoint suggests.
                "top_k": 0,
                "min_p": 0.0,
                "return_token_ids": True,
                "vllm_xargs": {"no_repeat_ngram": sampling.no_repeat_ngram} if sampling.no_repeat_ngram else None,
            },
        )
        return _generated(choice, self.tokenizer, sampling)

    def _compare(self, asking: Callable[[], Question]) -> None:
        """Before the first call is answered; see served_model."""
        if not self._trusted:
            self._trusted = True  # in what the comparison itself asks
            refuse_another_model(self, self.folder, self.settings, asking())

    def _texts_of(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> Question:
        """How likely texts are that the server makes of some prompts."""
        short = shortest(prompts, len)
        # With room for the token that a likelihood wants to come.
        tokens = max(1, min(COMPARED_TOKENS, sampling.max_new_tokens - 1))
        texts = self.generate(short, replace(sampling, max_new_tokens=tokens, candidates=1))
        said = [self.tokenizer(text.text, add_special_tokens=False)["input_ids"][:tokens] for text in texts]
        # A text without tokens is none to compare; any other serves.
        return likelihoods_of([(prompt, own or prompt[-1:]) for prompt, own in zip(short, said, strict=True)])

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        self._compare(partial(shares_of, prompts, labels))
        with Progress(len(prompts)) as progress:

            def work(batch: Sequence[Sequence[int]]) -> list[list[float]]:
                rows = self._score(batch, labels)
                progress.done(len(rows), sum(map(len, batch)))
                return rows

            return self._in_batches(work, prompts)

    def _score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        choices = self.client.complete(
            [list(prompt) for prompt in prompts],
            temperature=1.0,
            max_tokens=1,
            logprobs=len(labels),
            extra_body={
                "allowed_token_ids": list(labels),
                # Without it a server reports its own likeliest tokens, among which the labels need not be.
                "logprob_token_ids": list(labels),
                "return_tokens_as_token_ids": True,
            },
        )
        return [_shares(choice.logprobs.top_logprobs[0], labels) for choice in choices]

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        pairs = list(zip(prompts, completions, strict=True))
        self._compare(partial(likelihoods_of, pairs))
        with Progress(len(pairs)) as progress:

            def work(batch: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
                found = self._likelihood([[*prompt, *said] for prompt, said in batch], [said for _, said in batch])
                progress.done(len(found), sum(len(prompt) + len(said) for prompt, said in batch))
                return found

            return self._in_batches(work, pairs)

    def _likelihood(self, whole: list[list[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        choices = self.client.complete(whole, temperature=0.0, max_tokens=1, extra_body={"prompt_logprobs": 0})
        return [_mean_logprob(choice, said) for choice, said in zip(choices, completions, strict=True)]

    def _in_batches(self, work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item]) -> list[Result]:
        starts = range(0, len(items), self.batch_size)
        batches = self._side_by_side(work, (items[start : start + self.batch_size] for start in starts))
        return [row for rows in batches for row in rows]

    def _side_by_side(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in order. The first error ends the work: what was not begun is not asked for, and not paid."""
        pool = ThreadPoolExecutor(self.concurrency)
        try:
            yield from pool.map(work, items)
        finally:
            pool.shutdown(cancel_futures=True)

    def facts(self) -> dict[str, float | int | str]:
        return self.client.facts()

    def close(self) -> None:
        self.client.close()


def _generated(choice: Any, tokenizer: Any, sampling: Sampling) -> Generated:
    ids = getattr(choice, "token_ids", None)
    if sampling.no_repeat_ngram and (ids is None or _repeats(ids, sampling.no_repeat_ngram)):
        raise InputError(
            f"the endpoint does not keep the rule no_repeat_ngram ({sampling.no_repeat_ngram}): set it to 0, or start "
            f"vLLM in this project's folder as `PYTHONPATH=. vllm serve … {NGRAM_RULE}`"
        )
    if ids is None:
        ids = tokenizer(choice.text, add_special_tokens=False)["input_ids"]
    tokens = len(ids) - (ids[-1] in sampling.stop if ids else 0)
    return Generated(choice.text.strip(), tokens, choice.finish_reason)


def _repeats(ids: Sequence[int], size: int) -> bool:
    runs = [tuple(ids[start : start + size]) for start in range(len(ids) - size + 1)]
    return len(set(runs)) < len(runs)


def _shares(logprobs: dict[str, float], labels: Sequence[int]) -> list[float]:
    """Shares of the labels among themselves; servers may report the probabilities before the restriction."""
    weights = [math.exp(logprobs.get(f"token_id:{label}", -math.inf)) for label in labels]
    total = sum(weights)
    if not total:
        raise InputError("the endpoint gave none of the labels: it must support allowed_token_ids, as vLLM does")
    return [weight / total for weight in weights]


def _mean_logprob(choice: Any, said: Sequence[int]) -> float:
    """Of the last tokens of a prompt, `said`: for each token the answer has a mapping that holds its own."""
    of_prompt = getattr(choice, "prompt_logprobs", None)
    if not of_prompt:
        raise InputError(
            "the endpoint gave no probabilities of a prompt's tokens: it must take prompt_logprobs, as vLLM does"
        )
    return sum(
        float(found[str(token)]["logprob"]) for found, token in zip(of_prompt[-len(said) :], said, strict=True)
    ) / len(said)
