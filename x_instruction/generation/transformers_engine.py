"""Generates and scores texts with transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import GenerationConfig, LogitsProcessor, TemperatureLogitsWarper

from x_instruction.generation.interface import Generated, Sampling, repeated
from x_instruction.generation.progress import Progress
from x_instruction.generation.scoring import Reader, by_length
from x_instruction.generation.settings import TextGeneration
from x_instruction.generation.shared_prompts import PromptSharing, group_length
from x_instruction.generation.transformers_rules import Repetition, StopStrings, TopP
from x_instruction.models.checkpoints import load_model, load_tokenizer
from x_instruction.models.precision import inference_dtype

Item = TypeVar("Item")
Result = TypeVar("Result")


class TransformersEngine:
    name = "transformers"

    def __init__(self, model: Path, settings: TextGeneration, seed: int, device: str | None = None) -> None:
        self.tokenizer = load_tokenizer(model)
        self.model = load_model(model, dtype=inference_dtype()).eval()
        # Only the settings count, not the values that a checkpoint suggests (top_k, a penalty, suppressed tokens).
        self.model.generation_config = GenerationConfig()
        self.model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.batch_size = settings.batch_size
        self.pad = _pad_token(self.tokenizer)
        self.reader = Reader(self.model, self.pad)
        self.sharing = PromptSharing(self.reader)
        self.seed = seed

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        torch.manual_seed(sampling.seed)
        requests = repeated(prompts, sampling.candidates)
        with Progress(len(requests)) as progress:

            def work(batch: list[Sequence[int]]) -> list[Generated]:
                texts = self._generate(batch, sampling)
                progress.done(len(texts), sum(text.tokens for text in texts))
                return texts

            return by_length(requests, self.batch_size, work, len)

    def _generate(self, prompts: list[Sequence[int]], sampling: Sampling) -> list[Generated]:
        inputs = self._padded(prompts)
        rules: list[LogitsProcessor] = [Repetition(sampling, inputs["attention_mask"])]
        choice: dict[str, Any] = {"do_sample": False}
        if sampling.temperature > 0:
            rules.append(TemperatureLogitsWarper(float(sampling.temperature)))
            rules += [TopP(sampling.top_p)] if sampling.top_p < 1 else []
            choice = {"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0}
        if sampling.stop_strings:
            width = inputs["input_ids"].shape[1]
            choice["stopping_criteria"] = [StopStrings(sampling.stop_strings, self.tokenizer, width)]
        with torch.inference_mode():
            output = self.model.generate(
                **inputs,
                **choice,
                max_new_tokens=sampling.max_new_tokens,
                logits_processor=rules,
                eos_token_id=list(sampling.stop),
                pad_token_id=self.pad,
            )
        return [self._text(row.tolist(), sampling) for row in output[:, inputs["input_ids"].shape[1] :]]

    def _text(self, ids: list[int], sampling: Sampling) -> Generated:
        ended = next((position for position, token in enumerate(ids) if token in sampling.stop), None)
        kept = ids if ended is None else ids[:ended]
        text = self.tokenizer.decode(kept, skip_special_tokens=True)
        if ends := [place for string in sampling.stop_strings if (place := text.find(string)) >= 0]:
            # Rows that ended before the longest row of the batch are filled with pad tokens.
            while kept and kept[-1] == self.pad:
                kept.pop()
            return Generated(text[: min(ends)].strip(), len(kept), "stop")
        return Generated(text.strip(), len(kept), "length" if ended is None else "stop")

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        return self._read(prompts, partial(self.reader.shares, labels=labels), len)

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        places, groups = self.sharing.groups(prompts, completions)
        values = self._read(groups, self.sharing.likelihoods, group_length)
        found = dict(zip(chain.from_iterable(places), chain.from_iterable(values), strict=True))
        return [found[place] for place in range(len(prompts))]

    def _read(
        self, items: Sequence[Item], read: Callable[[list[Item]], list[Result]], length: Callable[[Item], int]
    ) -> list[Result]:
        """Reads batches of items of similar length. Results are in the order of the items. `length` counts tokens."""
        with Progress(len(items)) as progress:

            def work(batch: list[Item]) -> list[Result]:
                results = read(batch)
                progress.done(len(results), sum(map(length, batch)))
                return results

            return by_length(items, self.batch_size, work, length, self.reader.most_tokens)

    def _padded(self, prompts: list[Sequence[int]]) -> dict[str, torch.Tensor]:
        width = max(map(len, prompts))
        ids = [[self.pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        device = self.model.device
        return {
            "input_ids": torch.tensor(ids, device=device),
            "attention_mask": torch.tensor(mask, device=device),
        }

    def facts(self) -> dict[str, float | int | str]:
        return {}

    def close(self) -> None:
        del self.model, self.reader, self.sharing
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _pad_token(tokenizer: Any) -> int:
    """The pad token. If the tokenizer has none, any other token can be used, because padding changes no result."""
    for token in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    return 0
