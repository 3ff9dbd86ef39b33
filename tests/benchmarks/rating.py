"""A rating read off one position beside a verdict of 64 tokens decoded by the same engine from the same prompts.

Both read the prompt, so the longer it is the less a rating can save: 1 + 64 c / tokens, where a decoded token costs c
times what a read one does. 48 tokens show what is saved where the overhead of a request rules; the pairs of the sample
have 250 to 320.
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
    # The first of each warms up.
    ours, theirs = (PAIRS / min(times[1:]) for times in (scored, decoded))
    return Row(
        f"{backend}, pairs of {tokens} tokens",
        "pairs/s",
        ours,
        theirs,
        f"decoding a verdict of {VERDICT_TOKENS} tokens, same engine",
    )
