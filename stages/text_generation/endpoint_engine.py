"""Text generation by any OpenAI-compatible completions server that takes token ids (`vllm serve` does).

The key comes from ENDPOINT_API_KEY alone. The local model folder gives the tokenizer.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from stages.errors import InputError
from stages.models import load_tokenizer
from stages.settings import TextGeneration
from stages.text_generation.interface import Generated, Sampling


class EndpointEngine:
    name = "endpoint"

    def __init__(self, model: Path, settings: TextGeneration, seed: int) -> None:
        import openai

        self.tokenizer = load_tokenizer(model)
        self.model = settings.endpoint_model
        self.batch_size = settings.batch_size
        self.seed = seed
        self.client = openai.OpenAI(
            base_url=settings.endpoint_url, api_key=os.environ.get("ENDPOINT_API_KEY", "none"), max_retries=5
        )

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        if sampling.no_repeat_ngram:
            raise InputError("text_generation.backend 'endpoint' has no n-gram rule: set no_repeat_ngram to 0")
        # A request and a seed for each prompt: with one for all, vLLM draws the same numbers for every text.
        with ThreadPoolExecutor(self.batch_size) as pool:
            return list(pool.map(partial(self._generate, sampling=sampling), range(len(prompts)), prompts))

    def _generate(self, number: int, prompt: Sequence[int], sampling: Sampling) -> Generated:
        (choice,) = self._complete(
            [prompt],
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_new_tokens,
            seed=(sampling.seed + number) % 2**31,
            extra_body={"stop_token_ids": list(sampling.stop), "ignore_eos": True},
        )
        return _generated(choice, self.tokenizer)

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        choices = self._complete(
            prompts,
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

    def _complete(self, prompts: Sequence[Sequence[int]], **options: Any) -> list[Any]:
        choices: list[Any] = []
        for start in range(0, len(prompts), self.batch_size):
            batch = [list(prompt) for prompt in prompts[start : start + self.batch_size]]
            answer = self.client.completions.create(model=self.model, prompt=batch, **options)
            choices += sorted(answer.choices, key=lambda choice: choice.index)
        return choices

    def close(self) -> None:
        self.client.close()


def _generated(choice: Any, tokenizer: Any) -> Generated:
    tokens = len(tokenizer(choice.text, add_special_tokens=False)["input_ids"])
    return Generated(choice.text.strip(), tokens, choice.finish_reason)


def _shares(logprobs: dict[str, float], labels: Sequence[int]) -> list[float]:
    """Shares of the labels among themselves; servers may report the probabilities before the restriction."""
    weights = [math.exp(logprobs.get(f"token_id:{label}", -math.inf)) for label in labels]
    total = sum(weights)
    if not total:
        raise InputError("the endpoint gave none of the labels: it must support allowed_token_ids, as vLLM does")
    return [weight / total for weight in weights]
