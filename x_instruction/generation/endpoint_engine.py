"""Generates and scores texts with a server that takes token ids and gives `prompt_logprobs`, such as `vllm serve`.

The API key is read only from ENDPOINT_API_KEY. The tokenizer is that of the local model folder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from x_instruction.generation.endpoint_client import EndpointClient, UnusableAnswerError
from x_instruction.generation.interface import Generated, Sampling, repeated
from x_instruction.generation.progress import Progress
from x_instruction.generation.scoring import pair_length
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

# Users give the name of this class to `vllm serve`.
NGRAM_PROCESSOR = "x_instruction.generation.vllm_rules:NoRepeatNgram"
NGRAM_RULE = f"--logits-processors {NGRAM_PROCESSOR}"
UNFINISHED = (None, "abort", "error")  # finish reasons of a text that a server did not complete because of a fault
COMPARED_TOKENS = 16  # length of the texts by which the server's weights are compared with the local weights


class EndpointEngine:
    name = "endpoint"

    def __init__(self, model: Path, settings: TextGeneration, seed: int) -> None:
        self.tokenizer = load_tokenizer(model)
        endpoint = settings.endpoint.model_copy(update={"model": served_name(model, settings)})
        self.client = EndpointClient(endpoint)
        self.concurrency = settings.endpoint.concurrency
        self.batch_size = settings.batch_size
        self.seed = seed
        self.folder, self.settings = model, settings
        self._compared = settings.endpoint.max_difference is None

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        self._compare(partial(self._texts_of, prompts, sampling))
        requests = repeated(prompts, sampling.candidates)
        with Progress(len(requests)) as progress:

            def work(numbered: tuple[int, Sequence[int]]) -> Generated:
                text = self._generate(*numbered, sampling)
                progress.done(1, text.tokens)
                return text

            # Each prompt has its own request and seed, because vLLM draws equal numbers for equal seeds.
            return list(self._in_parallel(work, enumerate(requests)))

    def _generate(self, number: int, prompt: Sequence[int], sampling: Sampling) -> Generated:
        (text,) = self.client.complete(
            [list(prompt)],
            partial(_generated, tokenizer=self.tokenizer, sampling=sampling),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_new_tokens,
            stop=list(sampling.stop_strings) or None,
            seed=(sampling.seed + number) % 2**31,
            extra_body={
                "stop_token_ids": list(sampling.stop),
                "repetition_penalty": sampling.repetition_penalty,
                "ignore_eos": True,
                # Without `top_k` and `min_p`, a server uses the values that the checkpoint suggests.
                "top_k": 0,
                "min_p": 0.0,
                "return_token_ids": True,
                "vllm_xargs": {"no_repeat_ngram": sampling.no_repeat_ngram} if sampling.no_repeat_ngram else None,
            },
        )
        generated: Generated = text
        return generated

    def _compare(self, asking: Callable[[], Question]) -> None:
        """Compares the server with the local weights before the server's first answer is used; see served_model."""
        if not self._compared:
            self._compared = True  # set first, because the comparison itself uses this engine
            refuse_another_model(self, self.folder, self.settings, asking())

    def _texts_of(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> Question:
        """Lets the server generate texts for the COMPARED shortest prompts.

        Returns a function that asks an engine for the likelihoods of these texts.
        """
        short = shortest(prompts, len)
        # If possible, room for one token is left, because a request for likelihoods generates a token.
        tokens = max(1, min(COMPARED_TOKENS, sampling.max_new_tokens - 1))
        texts = self.generate(short, replace(sampling, max_new_tokens=tokens, candidates=1))
        generated = [self.tokenizer(text.text, add_special_tokens=False)["input_ids"][:tokens] for text in texts]
        # An empty text has no likelihood, so the last token of the prompt is used in its place.
        return likelihoods_of([(prompt, ids or prompt[-1:]) for prompt, ids in zip(short, generated, strict=True)])

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        self._compare(partial(shares_of, prompts, labels))
        return self._in_batches(partial(self._score, labels=labels), prompts, len)

    def _score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        return self.client.complete(
            [list(prompt) for prompt in prompts],
            lambda choice: _shares(choice.logprobs.top_logprobs[0], labels),
            temperature=1.0,
            max_tokens=1,
            logprobs=len(labels),
            extra_body={
                "allowed_token_ids": list(labels),
                # Without this field, a server reports its likeliest tokens, which may not include the labels.
                "logprob_token_ids": list(labels),
                "return_tokens_as_token_ids": True,
            },
        )

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        pairs = list(zip(prompts, completions, strict=True))
        self._compare(partial(likelihoods_of, pairs))
        return self._in_batches(self._likelihood, pairs, pair_length)

    def _likelihood(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        whole = [[*prompt, *completion] for prompt, completion in pairs]

        def read(choice: Any) -> float:
            return _mean_logprob(choice, pairs[choice.index][1])

        return self.client.complete(whole, read, temperature=0.0, max_tokens=1, extra_body={"prompt_logprobs": 0})

    def _in_batches(
        self, ask: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], length: Callable[[Item], int]
    ) -> list[Result]:
        """Sends batches of items in parallel; results keep the items' order. `length` counts the tokens of an item."""
        with Progress(len(items)) as progress:

            def work(batch: Sequence[Item]) -> list[Result]:
                results = ask(batch)
                progress.done(len(results), sum(map(length, batch)))
                return results

            starts = range(0, len(items), self.batch_size)
            batches = self._in_parallel(work, (items[start : start + self.batch_size] for start in starts))
            return [result for results in batches for result in results]

    def _in_parallel(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yields the results in order. After an error, requests that have not started are not sent and cost nothing."""
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
    if choice.finish_reason in UNFINISHED:
        raise UnusableAnswerError
    ids = getattr(choice, "token_ids", None)
    if sampling.no_repeat_ngram and (ids is None or _repeats(ids, sampling.no_repeat_ngram)):
        raise InputError(
            f"the endpoint does not follow the rule no_repeat_ngram ({sampling.no_repeat_ngram}): set the rule to 0, "
            f"or start vLLM in this project's folder as `PYTHONPATH=. vllm serve … {NGRAM_RULE}`"
        )
    if ids is None:
        ids = tokenizer(choice.text, add_special_tokens=False)["input_ids"]
    tokens = len(ids) - (ids[-1] in sampling.stop if ids else 0)
    return Generated(choice.text.strip(), tokens, choice.finish_reason)


def _repeats(ids: Sequence[int], size: int) -> bool:
    runs = [tuple(ids[start : start + size]) for start in range(len(ids) - size + 1)]
    return len(set(runs)) < len(runs)


def _shares(logprobs: dict[str, float], labels: Sequence[int]) -> list[float]:
    """Probabilities of the labels, normalised to sum to one, because a server may give other tokens a share, too."""
    weights = [math.exp(logprobs.get(f"token_id:{label}", -math.inf)) for label in labels]
    total = sum(weights)
    if not total:
        raise InputError("the endpoint returned none of the labels: it must support allowed_token_ids, as vLLM does")
    return [weight / total for weight in weights]


def _mean_logprob(choice: Any, completion: Sequence[int]) -> float:
    """Mean log-probability of the completion, read from `prompt_logprobs`: the sent prompt ends with the completion."""
    positions = getattr(choice, "prompt_logprobs", None)
    if not positions:
        raise InputError(
            "the endpoint returned no probabilities of a prompt's tokens: it must support prompt_logprobs, as vLLM does"
        )
    last = positions[-len(completion) :]
    return sum(float(tokens[str(token)]["logprob"]) for tokens, token in zip(last, completion, strict=True)) / len(
        completion
    )
