"""Loads an engine on first use, so that a run whose shards were all finished by earlier runs loads no model."""

from __future__ import annotations

import atexit
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from x_instruction.generation.interface import Engine, Generated, Sampling
from x_instruction.generation.open_engine import backend_facts, open_engine
from x_instruction.generation.settings import TextGeneration
from x_instruction.models.checkpoints import context_length, load_tokenizer
from x_instruction.runner.errors import InputError
from x_instruction.runner.published import manifest_of


class LazyEngine:
    """Wraps `open_engine`: loads the model once and counts prompts, tokens and seconds for the run log."""

    def __init__(self, model: Path, settings: TextGeneration, seed: int) -> None:
        self._model, self._settings, self._seed = model, settings, seed
        self._stack = ExitStack()
        self._counts = {"prompts": 0, "prompt_tokens": 0, "generated_tokens": 0, "engine_seconds": 0.0}
        self._load_seconds = 0.0

    def __enter__(self) -> LazyEngine:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """In a worker process, all shards share one engine, although the executor sends an engine with each shard."""
        return _process_engine, (self._model, self._settings, self._seed)

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @cached_property
    def tokenizer(self) -> Any:
        return load_tokenizer(self._model)

    @cached_property
    def context(self) -> int:
        """The largest number of tokens of a prompt and its completion together."""
        lengths = (context_length(self._model), self._settings.max_model_length)
        return min(length for length in (*lengths, 2**31) if length)

    def room(self, max_new_tokens: int) -> int:
        """The largest number of prompt tokens that leaves room for `max_new_tokens` new tokens; see `PromptEncoder`."""
        return max(1, self.context - max_new_tokens)

    def provenance(self) -> dict[str, str]:
        """The engine and a hash of the model, for the manifest. Neither needs a loaded model."""
        content = manifest_of(self._model).get("content", "")
        return {**backend_facts(self._model, self._settings), "model": content}

    @cached_property
    def _engine(self) -> Engine:
        started = time.monotonic()
        engine = self._stack.enter_context(open_engine(self._model, self._settings, self._seed))
        self._load_seconds = time.monotonic() - started
        return engine

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        if not prompts:
            return []
        self._refuse_too_long(prompts, sampling.max_new_tokens)
        engine, started = self._engine, time.monotonic()
        texts = engine.generate(prompts, sampling)
        self._count(prompts, sum(text.tokens for text in texts), time.monotonic() - started)
        return texts

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        if not prompts:
            return []
        self._refuse_too_long(prompts, 1)
        engine, started = self._engine, time.monotonic()
        rows = engine.score(prompts, labels)
        self._count(prompts, 0, time.monotonic() - started)
        self._refuse_not_finite([sum(row) for row in rows])
        return rows

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        if not prompts:
            return []
        whole = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
        self._refuse_too_long(whole, 1)
        engine, started = self._engine, time.monotonic()
        likelihoods = engine.likelihood(prompts, completions)
        self._count(whole, 0, time.monotonic() - started)
        self._refuse_not_finite(likelihoods)
        return likelihoods

    def _refuse_too_long(self, prompts: Sequence[Sequence[int]], new_tokens: int) -> None:
        longest = max(map(len, prompts))
        if longest + new_tokens > self.context:
            raise InputError(
                f"a prompt of {longest} tokens and {new_tokens} new tokens exceed the context of {self.context} "
                f"tokens of {self._model}: lower max_new_tokens, max_response_tokens or training.max_tokens, or raise "
                "text_generation.max_model_length"
            )

    def _refuse_not_finite(self, numbers: Sequence[float]) -> None:
        """Raises InputError for NaN and infinity: NaN is sorted above all ratings, so it would pass every threshold."""
        wrong = sum(not math.isfinite(number) for number in numbers)
        if wrong:
            raise InputError(
                f"{self._model} returned NaN or infinity for {wrong} of {len(numbers)} prompts: the model is broken, "
                "or text_generation.vllm.dtype or quantization is too coarse for it"
            )

    def _count(self, prompts: Sequence[Sequence[int]], tokens: int, seconds: float) -> None:
        self._counts["prompts"] += len(prompts)
        self._counts["prompt_tokens"] += sum(map(len, prompts))
        self._counts["generated_tokens"] += tokens
        self._counts["engine_seconds"] += seconds

    def facts(self) -> dict[str, float | int | str]:
        """Counts, times and the engine for the run log. The shards that earlier runs finished are not counted."""
        if not self._counts["prompts"]:
            return {"prompts": 0}
        seconds = max(self._counts["engine_seconds"], 1e-9)
        return {
            **{name: round(value, 2) for name, value in self._counts.items()},
            **backend_facts(self._model, self._settings),
            "engine_load_seconds": round(self._load_seconds, 2),
            "prompts_per_second": round(self._counts["prompts"] / seconds, 1),
            "tokens_per_second": round(self._counts["generated_tokens"] / seconds, 1),
            **self._engine.facts(),
        }


@cache
def _process_engine(model: Path, settings: TextGeneration, seed: int) -> LazyEngine:
    engine = LazyEngine(model, settings, seed)
    atexit.register(engine.__exit__)
    return engine
