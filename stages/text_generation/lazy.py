"""An engine that loads on first use: a run whose shards are all in the work store loads none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from stages.models import load_tokenizer
from stages.settings import TextGeneration
from stages.text_generation import open_engine
from stages.text_generation.interface import Engine, Generated, Sampling


class LazyEngine:
    """`open_engine`, loaded once and counted: prompts, tokens and seconds for the run log."""

    def __init__(self, model: Path, settings: TextGeneration, seed: int) -> None:
        self._model, self._settings, self._seed = model, settings, seed
        self._stack = ExitStack()
        self._counts = {"prompts": 0, "generated_tokens": 0, "engine_seconds": 0.0}

    def __enter__(self) -> LazyEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @cached_property
    def tokenizer(self) -> Any:
        return load_tokenizer(self._model)

    @cached_property
    def _engine(self) -> Engine:
        return self._stack.enter_context(open_engine(self._model, self._settings, self._seed))

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        engine, started = self._engine, time.monotonic()
        texts = engine.generate(prompts, sampling) if prompts else []
        self._count(len(prompts), sum(text.tokens for text in texts), time.monotonic() - started)
        return texts

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        engine, started = self._engine, time.monotonic()
        rows = engine.score(prompts, labels) if prompts else []
        self._count(len(prompts), 0, time.monotonic() - started)
        return rows

    def _count(self, prompts: int, tokens: int, seconds: float) -> None:
        self._counts["prompts"] += prompts
        self._counts["generated_tokens"] += tokens
        self._counts["engine_seconds"] += seconds

    def facts(self) -> dict[str, float | int | str]:
        """What the run log shows."""
        if not self._counts["prompts"]:
            return {"prompts": 0}
        rate = self._counts["prompts"] / max(self._counts["engine_seconds"], 1e-9)
        return {
            **{name: round(value, 2) for name, value in self._counts.items()},
            "engine": self._engine.name,
            "prompts_per_second": round(rate, 1),
        }
