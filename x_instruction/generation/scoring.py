"""Texts that a causal model of transformers reads once, to tell probabilities; nothing is generated.

Padded right and without a mask: what follows a token does not change it, positions are those of the text alone (a model
with learned positions counts padding on the left as text), and attention takes its fast path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

# Numbers at once, 0.5 GB of them in single precision: of 32 completions of 1,000 tokens and a vocabulary of 128,000
# they would be 16 GB. A single completion has its own at once.
MOST_LOGITS = 2**27
# Read at once by a CPU: what one layer hands to the next then stays in a core's cache. 256 pairs of 40 to 250 tokens
# took 1.4 s so, 2.2 s in batches of 32 whatever their length, 2.0 s in those padded left.
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
        # The logits before a token tell it. Those of a row are neighbours in what is kept of all rows.
        first = torch.tensor([len(prompt) - 1 for prompt, _ in pairs])
        kept = torch.cat(
            [torch.arange(start, start + len(said)) for start, (_, said) in zip(first.tolist(), pairs, strict=True)]
        ).unique()
        if self._too_many(pairs, kept):
            half = len(pairs) // 2
            return self.likelihoods(pairs[:half]) + self.likelihoods(pairs[half:])
        logits = self._logits([[*prompt, *said] for prompt, said in pairs], kept)
        starts = torch.searchsorted(kept, first).tolist()
        return [
            self._mean_logprob(row[start : start + len(said)], said)
            for row, start, (_, said) in zip(logits, starts, pairs, strict=True)
        ]

    def _too_many(self, texts: Sequence[object], kept: torch.Tensor) -> bool:
        return len(texts) > 1 and len(texts) * len(kept) * self.vocabulary > self.most_logits

    def _mean_logprob(self, logits: torch.Tensor, said: Sequence[int]) -> float:
        """Of the tokens said, each with the logits before it; in single precision, so not of all at once."""
        rows = max(1, self.most_logits // self.vocabulary)
        parts = [
            torch.log_softmax(logits[start : start + rows].float(), dim=-1)[range(len(tokens)), tokens]
            for start in range(0, len(said), rows)
            if (tokens := list(said[start : start + rows]))
        ]
        return float(torch.cat(parts).mean())

    def _logits(self, texts: Sequence[Sequence[int]], kept: torch.Tensor) -> torch.Tensor:
        """Logits (texts × kept × vocabulary) after the tokens at the positions `kept`, the same of every text."""
        width = max(map(len, texts))
        ids = [[*text, *[self.pad] * (width - len(text))] for text in texts]
        device = self.model.device
        with torch.inference_mode():
            read = self.model(
                input_ids=torch.tensor(ids, device=device), logits_to_keep=kept.to(device), use_cache=False
            )
        logits: torch.Tensor = read.logits
        # A few architectures (xLSTM, ProphetNet) pass over the argument and give the logits of all positions.
        return logits if logits.shape[1] == len(kept) else logits[:, kept.to(device)]


def by_length(
    items: Sequence[Item],
    rows: int,
    work: Callable[[list[Item]], list[Result]],
    length: Callable[[Item], int],
    most_tokens: int | None = None,
) -> list[Result]:
    """Work on batches of like length, longest first (a lack of memory then shows at once); results in order.

    A batch has at most so many rows and, with the padding, tokens; a longer item is one by itself.
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
