"""Compares our vLLM back end with a plain `vllm.LLM.generate` on the same prompts and number of tokens.

Each side has a separate engine. The sides take turns. The first turn is a warm-up, and the fastest later turn counts.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.engine import engine_settings, prompts, seconds, untrained_model
from tests.benchmarks.table import Row
from x_instruction.generation.interface import Sampling
from x_instruction.generation.lazy_engine import LazyEngine

PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 256, 64, 64
REPEATS = 6


def run() -> list[Row]:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    settings = engine_settings("vllm")
    with TemporaryDirectory() as folder:
        model = untrained_model(Path(folder))
        with LazyEngine(model, settings, 1) as engine:
            return _rows(engine, _plain(model))


def _plain(model: Path) -> Any:
    import torch
    from vllm import LLM

    # Without a GPU, vLLM fails if a prompt with a seed is prefilled in chunks.
    options: dict[str, Any] = {} if torch.cuda.is_available() else {"enable_chunked_prefill": False}
    return LLM(model=str(model), seed=1, enforce_eager=not torch.cuda.is_available(), **options)


def _rows(engine: LazyEngine, plain: Any) -> list[Row]:
    from vllm import SamplingParams

    common: dict[str, Any] = {"temperature": 0.7, "top_p": 0.9, "max_tokens": NEW_TOKENS, "ignore_eos": True}
    seeded: list[float] = []
    unseeded: list[float] = []
    ours: list[float] = []
    for repeat in range(REPEATS + 1):
        ids = prompts(PROMPTS, PROMPT_TOKENS, seed=repeat)
        requests: Any = [{"prompt_token_ids": prompt} for prompt in ids]
        with_seeds = [SamplingParams(**common, seed=number) for number in range(PROMPTS)]
        plain.reset_prefix_cache()
        seeded.append(seconds(partial(plain.generate, requests, with_seeds, use_tqdm=False)))
        ours.append(seconds(partial(engine.generate, ids, Sampling(0.7, 0.9, NEW_TOKENS, (), seed=repeat))))
        plain.reset_prefix_cache()
        unseeded.append(seconds(partial(plain.generate, requests, SamplingParams(**common), use_tqdm=False)))
    # The first turn of each side is the warm-up.
    tokens = PROMPTS * NEW_TOKENS
    best = {name: tokens / min(times[1:]) for name, times in (("ours", ours), ("seeded", seeded), ("un", unseeded))}
    return [
        Row(
            "generate",
            "tokens/s",
            best["ours"],
            best["seeded"],
            "vllm.LLM.generate, one seed per prompt, as in ours",
        ),
        Row(
            "generate, no seeds",
            "tokens/s",
            best["ours"],
            best["un"],
            "the same without seeds, so not repeatable",
        ),
    ]
