"""Probabilities of tokens in given texts, from one forward pass of a causal transformers model.

Texts are padded on the right and need no mask: in a causal model later tokens do not change earlier ones, positions
start at the text (a model with learned positions counts padding on the left as text), and attention is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

# Logits held at once, 0.5 GB in single precision: 32 completions of 1,000 tokens with a vocabulary of 128,000 would
# take 16 GB. The logits of a single completion are always held at once.
MOST_LOGITS = 2**27
# Tokens per batch on a CPU, so that a layer's output stays in the core's cache: 256 pairs took 1.4 s with it and 2.2 s
# in batches of 32 pairs.
CPU_TOKENS = 1024


class Reader:
    def __init__(self, model: Any, pad: int) -> None:
        self.model, self.pad = model, pad
        self.vocabulary = int(model.config.get_text_config().vocab_size)
        self.most_logits = MOST_LOGITS
        self.most_tokens = CPU_TOKENS if model.device.type == "cpu" else None

    def shares(self, prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> list[list[float]]:
        """Probability of each label after each prompt, restricted to the labels; shape (prompts, labels)."""
        last = torch.tensor([len(prompt) - 1 for prompt in prompts])
        kept, place = last.unique(return_inverse=True)
        if self._too_many(prompts, kept):
            half = len(prompts) // 2
            return self.shares(prompts[:half], labels) + self.shares(prompts[half:], labels)
        logits = self._logits(prompts, kept)[torch.arange(len(prompts)), place][:, list(labels)]
        return list(torch.softmax(logits.float(), dim=-1).tolist())

    def likelihoods(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        """Mean log-probability of each completion after its prompt, for pairs of (prompt, completion)."""
        # The logits at one position predict the next token. `kept` holds the positions that any row needs, in order.
        first = torch.tensor([len(prompt) - 1 for prompt, _ in pairs])
        kept = torch.cat(
            [
                torch.arange(start, start + len(completion))
                for start, (_, completion) in zip(first.tolist(), pairs, strict=True)
            ]
        ).unique()
        if self._too_many(pairs, kept):
            half = len(pairs) // 2
            return self.likelihoods(pairs[:half]) + self.likelihoods(pairs[half:])
        logits = self._logits([[*prompt, *completion] for prompt, completion in pairs], kept)
        starts = torch.searchsorted(kept, first).tolist()
        return [
            self._mean_logprob(row[start : start + len(completion)], completion)
            for row, start, (_, completion) in zip(logits, starts, pairs, strict=True)
        ]

    def _too_many(self, texts: Sequence[object], kept: torch.Tensor) -> bool:
        return len(texts) > 1 and len(texts) * len(kept) * self.vocabulary > self.most_logits

    def _mean_logprob(self, logits: torch.Tensor, completion: Sequence[int]) -> float:
        """Mean over the completion, whose tokens `logits` predict; in parts, because single precision takes memory."""
        rows = max(1, self.most_logits // self.vocabulary)
        parts = [
            torch.log_softmax(logits[start : start + rows].float(), dim=-1)[range(len(tokens)), tokens]
            for start in range(0, len(completion), rows)
            if (tokens := list(completion[start : start + rows]))
        ]
        return float(torch.cat(parts).mean())

    def _logits(self, texts: Sequence[Sequence[int]], kept: torch.Tensor) -> torch.Tensor:
        """Logits at the positions `kept` of every text; shape (texts, kept, vocabulary)."""
        width = max(map(len, texts))
        ids = [[*text, *[self.pad] * (width - len(text))] for text in texts]
        device = self.model.device
        with torch.inference_mode():
            output = self.model(
                input_ids=torch.tensor(ids, device=device), logits_to_keep=kept.to(device), use_cache=False
            )
        logits: torch.Tensor = output.logits
        # A few architectures (xLSTM, ProphetNet) ignore the argument and return the logits of all positions.
        return logits if logits.shape[1] == len(kept) else logits[:, kept.to(device)]


def by_length(
    items: Sequence[Item],
    rows: int,
    work: Callable[[list[Item]], list[Result]],
    length: Callable[[Item], int],
    most_tokens: int | None = None,
) -> list[Result]:
    """Work on batches of similar length, longest first, so that a lack of memory shows at once. Results are in order.

    A batch has at most `rows` items and, with padding, `most_tokens` tokens. A longer item is a batch by itself.
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
    """Tokens of a (prompt, completion) pair."""
    return len(pair[0]) + len(pair[1])
