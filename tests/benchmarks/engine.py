"""An untrained model of the embedded model's size, and prompts of random tokens, for benchmarks of speed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from stages.base_model.embedded import new_model, train_tokenizer
from stages.params import load_settings
from tests.benchmarks.table import ROOT
from x_instruction.generation.settings import TextGeneration
from x_instruction.models.checkpoints import save_model

FIRST_TOKEN = 300  # smaller ids may be special tokens


def untrained_model(folder: Path) -> Path:
    architecture = load_settings(ROOT / "params.yaml").base_model.architecture
    pages = sorted(ROOT.glob("data/sample/web/*/*.html"))
    tokenizer = train_tokenizer([page.read_text(encoding="utf-8", errors="replace") for page in pages], architecture)
    save_model(new_model(architecture, tokenizer, seed=1), tokenizer, folder)
    return folder


def engine_settings(backend: str) -> TextGeneration:
    """The project's engine settings with the given back end, and with the precision that vLLM chooses."""
    settings = load_settings(ROOT / "params.yaml").text_generation
    vllm = settings.vllm.model_copy(update={"dtype": "auto"})
    return settings.model_copy(update={"backend": backend, "vllm": vllm})


def prompts(count: int, tokens: int, seed: int) -> list[list[int]]:
    """Prompts of random tokens, so that an engine cannot reuse a common prefix."""
    choose = random.Random(seed)
    return [[choose.randrange(FIRST_TOKEN, 2000) for _ in range(tokens)] for _ in range(count)]


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
