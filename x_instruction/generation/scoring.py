"""Computes probabilities of tokens in given texts, with forward passes of a causal transformers model.

Texts are padded on the right and need no mask, because in a causal model, later tokens do not change the output at
earlier ones. With padding on the left, the positions would be wrong in models with learned position embeddings.
Attention is also faster without a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch

from x_instruction.models.losses import head_reads

Item = TypeVar("Item")
Result = TypeVar("Result")

# The largest number of logits in memory at once: 0.5 GB in single precision. Without this limit, the logits of 32
# completions of 1,000 tokens with a vocabulary of 128,000 would take 16 GB. A single completion is never divided, even
# if it is above the limit.
MOST_LOGITS = 2**27
# The largest number of tokens in a batch on a CPU, so that the output of a layer stays in the core's cache. 256 pairs
# of 40 to 250 tokens took 1.4 s with this limit, and 2.2 s in batches of 32 pairs.
CPU_TOKENS = 1024


class Reader:
    def __init__(self, model: Any, pad: int) -> None:
        self.model, self.pad = model, pad
        self.vocabulary = int(model.config.get_text_config().vocab_size)
        self.most_logits = MOST_LOGITS
        self.most_tokens = CPU_TOKENS if model.device.type == "cpu" else None

    def shares(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        """Probability of each label after each prompt, restricted to the labels; shape (prompts, labels)."""
        if self._too_many(prompts, len(prompts)):
            half = len(prompts) // 2
            return self.shares(prompts[:half], labels) + self.shares(prompts[half:], labels)
        logits = self.logits(prompts, [(row, len(prompt) - 1) for row, prompt in enumerate(prompts)])
        return list(torch.softmax(logits[:, list(labels)].float(), dim=-1).tolist())

    def likelihoods(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        """Mean log-probability of each completion after its prompt, for pairs of (prompt, completion)."""
        if self._too_many(pairs, sum(len(completion) for _, completion in pairs)):
            half = len(pairs) // 2
            return self.likelihoods(pairs[:half]) + self.likelihoods(pairs[half:])
        # The logits at one position predict the next token.
        positions = [
            (row, len(prompt) - 1 + number)
            for row, (prompt, completion) in enumerate(pairs)
            for number in range(len(completion))
        ]
        logits = self.logits([[*prompt, *completion] for prompt, completion in pairs], positions)
        parts = logits.split([len(completion) for _, completion in pairs])
        return [self.mean_logprob(part, completion) for part, (_, completion) in zip(parts, pairs, strict=True)]

    def _too_many(self, texts: Sequence[object], positions: int) -> bool:
        return len(texts) > 1 and positions * self.vocabulary > self.most_logits

    def mean_logprob(self, logits: torch.Tensor, completion: Sequence[int]) -> float:
        """Mean log-probability of a completion, computed from its `logits` in parts to save memory."""
        rows = max(1, self.most_logits // self.vocabulary)
        parts = [
            torch.log_softmax(logits[start : start + rows].float(), dim=-1)[range(len(tokens)), tokens]
            for start in range(0, len(completion), rows)
            if (tokens := list(completion[start : start + rows]))
        ]
        return float(torch.cat(parts).mean())

    def logits(
        self, texts: Sequence[Sequence[int]], positions: Sequence[tuple[int, int]], read: Any = None
    ) -> torch.Tensor:
        """Logits at the `positions`, which are pairs (text, token); shape (positions, vocabulary).

        `read` is the model's cache of the tokens before each text. The output layer is applied only at the positions:
        with the 262,144 tokens of Gemma 3 270M, unused logits took 60 % of the time of likelihoods.
        """
        width = max(map(len, texts))
        ids = [[*text, *[self.pad] * (width - len(text))] for text in texts]
        rows, places = torch.tensor(positions).unbind(1)
        with torch.inference_mode(), head_reads(self.model, rows, places):
            output = self.model(
                input_ids=torch.tensor(ids, device=self.model.device), past_key_values=read, use_cache=read is not None
            )
        logits: torch.Tensor = output.logits
        return logits.squeeze(0)


def by_length(
    items: Sequence[Item],
    rows: int,
    work: Callable[[list[Item]], list[Result]],
    length: Callable[[Item], int],
    most_tokens: int | None = None,
) -> list[Result]:
    """Applies `work` to batches of items of similar length, longest first, so that a lack of memory shows at once.

    Results are in the order of the items. A batch has at most `rows` items and, with padding, `most_tokens` tokens. An
    item with more tokens is a batch by itself.
    """
    lengths = [length(item) for item in items]
    order = sorted(range(len(items)), key=lambda number: (-lengths[number], number))
    results: dict[int, Result] = {}
    for batch in _batches(order, lengths, rows, most_tokens):
        results.update(zip(batch, work([items[number] for number in batch]), strict=True))
    return [results[number] for number in range(len(items))]


def _batches(order: list[int], lengths: list[int], rows: int, most_tokens: int | None) -> Iterator[list[int]]:
    start = 0
    while start < len(order):
        longest = max(1, lengths[order[start]])
        size = rows if most_tokens is None else max(1, min(rows, most_tokens // longest))
        yield order[start : start + size]
        start += size


def pair_length(pair: tuple[Sequence[int], Sequence[int]]) -> int:
    """Number of tokens of a (prompt, completion) pair."""
    return len(pair[0]) + len(pair[1])
