"""Text generation with transformers: padded left, in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import GenerationConfig

from stages.models import load_model, load_tokenizer
from stages.settings import TextGeneration
from stages.text_generation.interface import Generated, Sampling, repeated
from stages.text_generation.progress import Progress
from stages.text_generation.repetition import Repetition, StopStrings

Item = TypeVar("Item")
Result = TypeVar("Result")

# Numbers at once, 0.5 GB of them in single precision: of 32 completions of 1,000 tokens and a vocabulary of 128,000
# they would be 16 GB. A single completion has its own at once.
MOST_LOGITS = 2**27


class TransformersEngine:
    name = "transformers"

    def __init__(self, model: Path, settings: TextGeneration, seed: int, device: str | None = None) -> None:
        self.tokenizer = load_tokenizer(model)
        self.model = load_model(model).eval()
        # What a checkpoint suggests (top_k, a penalty, tokens never said) is not what the settings say.
        self.model.generation_config = GenerationConfig()
        self.model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.batch_size = settings.batch_size
        self.vocabulary = int(self.model.config.get_text_config().vocab_size)
        self.most_logits = MOST_LOGITS
        self.pad = _pad_token(self.tokenizer)
        self.seed = seed

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generated]:
        torch.manual_seed(sampling.seed)
        asked = repeated(prompts, sampling.candidates)
        with Progress(len(asked)) as progress:

            def work(batch: list[Sequence[int]]) -> list[Generated]:
                texts = self._generate(batch, sampling)
                progress.done(len(texts), sum(text.tokens for text in texts))
                return texts

            return _by_length(asked, self.batch_size, work, len)

    def _generate(self, prompts: list[Sequence[int]], sampling: Sampling) -> list[Generated]:
        inputs = self._padded(prompts)
        choice: dict[str, Any] = {"do_sample": False}
        if sampling.temperature > 0:
            choice = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        if sampling.stop_strings:
            width = inputs["input_ids"].shape[1]
            choice["stopping_criteria"] = [StopStrings(sampling.stop_strings, self.tokenizer, width)]
        with torch.inference_mode():
            output = self.model.generate(
                **inputs,
                **choice,
                max_new_tokens=sampling.max_new_tokens,
                logits_processor=[Repetition(sampling, inputs["attention_mask"])],
                eos_token_id=list(sampling.stop),
                pad_token_id=self.pad,
            )
        return [self._text(row.tolist(), sampling) for row in output[:, inputs["input_ids"].shape[1] :]]

    def _text(self, ids: list[int], sampling: Sampling) -> Generated:
        ended = next((position for position, token in enumerate(ids) if token in sampling.stop), None)
        kept = ids if ended is None else ids[:ended]
        text = self.tokenizer.decode(kept, skip_special_tokens=True)
        if said := [place for string in sampling.stop_strings if (place := text.find(string)) >= 0]:
            # The rows of a batch that ended before the others are filled up with the pad token.
            while kept and kept[-1] == self.pad:
                kept.pop()
            return Generated(text[: min(said)].strip(), len(kept), "stop")
        return Generated(text.strip(), len(kept), "length" if ended is None else "stop")

    def score(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        with Progress(len(prompts)) as progress:

            def work(batch: list[Sequence[int]]) -> list[list[float]]:
                rows = self._score(batch, labels)
                progress.done(len(rows), sum(map(len, batch)))
                return rows

            return _by_length(prompts, self.batch_size, work, len)

    def _score(self, prompts: list[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        inputs = self._padded(prompts)
        with torch.inference_mode():
            logits = self.model(**inputs, logits_to_keep=1).logits[:, -1, list(labels)]
        return list(torch.softmax(logits.float(), dim=-1).tolist())

    def likelihood(self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        pairs = list(zip(prompts, completions, strict=True))
        with Progress(len(pairs)) as progress:

            def work(batch: list[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
                found = self._likelihood(batch)
                progress.done(len(found), sum(len(prompt) + len(said) for prompt, said in batch))
                return found

            return _by_length(pairs, self.batch_size, work, lambda pair: len(pair[0]) + len(pair[1]))

    def _likelihood(self, pairs: list[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        longest = max(len(said) for _, said in pairs)
        rows = max(1, self.most_logits // ((longest + 1) * self.vocabulary))
        if rows < len(pairs):
            return [one for batch in _batches(pairs, rows) for one in self._likelihood(batch)]
        # Padded left, so that all completions end with the row; the logits before them are not computed.
        inputs = self._padded([[*prompt, *said] for prompt, said in pairs])
        with torch.inference_mode():
            logits = self.model(**inputs, logits_to_keep=longest + 1).logits[:, :-1]
            return [
                self._mean_logprob(row[longest - len(said) :], said)
                for row, (_, said) in zip(logits, pairs, strict=True)
            ]

    def _mean_logprob(self, logits: torch.Tensor, said: Sequence[int]) -> float:
        """Of the tokens said, each with the logits before it; in single precision, so not of all at once."""
        rows = max(1, self.most_logits // self.vocabulary)
        parts = [
            torch.log_softmax(part.float(), dim=-1)[range(len(tokens)), tokens]
            for part, tokens in zip(logits.split(rows), _batches(list(said), rows), strict=True)
        ]
        return float(torch.cat(parts).mean())

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
        del self.model
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _pad_token(tokenizer: Any) -> int:
    """Padding is masked, so any token serves where the tokenizer has none of its own."""
    for token in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    return 0


def _by_length(
    items: Sequence[Item], size: int, work: Callable[[list[Item]], list[Result]], length: Callable[[Item], int]
) -> list[Result]:
    """Work on batches of like length, longest first (a lack of memory then shows at once); results in order."""
    order = sorted(range(len(items)), key=lambda number: (-length(items[number]), number))
    results: dict[int, Result] = {}
    for batch in _batches(order, size):
        results.update(zip(batch, work([items[number] for number in batch]), strict=True))
    return [results[number] for number in range(len(items))]


def _batches(items: list[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
