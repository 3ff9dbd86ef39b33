"""Compares rating from one token position with decoding a 64-token verdict, with the same engine and prompts.

Both methods read the prompt. So if decoding a token costs c times as much as reading one, rating from one position is 1
+ 64 c / (tokens of the prompt) times as fast.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.engine import engine_settings, prompts, seconds, untrained_model
from tests.benchmarks.table import Row
from x_instruction.generation.interface import Sampling
from x_instruction.generation.lazy_engine import LazyEngine

PAIRS, VERDICT_TOKENS = 256, 64
PAIR_TOKENS = (48, 192)
LABELS = (301, 302, 303)
REPEATS = 5


def run() -> list[Row]:
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    rows = []
    for backend in ("vllm", "transformers"):
        settings = engine_settings(backend)
        with TemporaryDirectory() as folder, LazyEngine(untrained_model(Path(folder)), settings, 1) as engine:
            rows += [_row(engine, backend, tokens) for tokens in PAIR_TOKENS]
    return rows


def _row(engine: LazyEngine, backend: str, tokens: int) -> Row:
    scored: list[float] = []
    decoded: list[float] = []
    for repeat in range(REPEATS + 1):
        pairs = prompts(PAIRS, tokens, seed=repeat)
        scored.append(seconds(partial(engine.score, pairs, LABELS)))
        decoded.append(seconds(partial(engine.generate, pairs, Sampling(0.0, 1.0, VERDICT_TOKENS, (), seed=1))))
    # The first run of each method is a warm-up.
    ours, theirs = (PAIRS / min(times[1:]) for times in (scored, decoded))
    return Row(
        f"{backend}, pairs of {tokens} tokens",
        "pairs/s",
        ours,
        theirs,
        f"decoding a verdict of {VERDICT_TOKENS} tokens, same engine",
    )
