"""The rule "no repeated n-gram" as a logits processor for vLLM, which has no such rule."""

from __future__ import annotations

from typing import Any

import torch
from vllm.v1.sample.logits_processor import AdapterLogitsProcessor


class NoRepeatNgram(AdapterLogitsProcessor):
    """Applies the rule to requests with `extra_args={"no_repeat_ngram": n}`."""

    def is_argmax_invariant(self) -> bool:
        return False

    def new_req_logits_processor(self, params: Any) -> Any:
        size = (params.extra_args or {}).get("no_repeat_ngram", 0)
        return _Ban(size) if size else None


class _Ban:
    """Bans the n-grams that a text already has. They are stored, so that no step searches the whole text."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.seen: dict[tuple[int, ...], list[int]] = {}
        self.done = 0

    def __call__(self, output: list[int], logits: torch.Tensor) -> torch.Tensor:
        for end in range(max(self.done, self.size), len(output) + 1):
            *start, last = output[end - self.size : end]
            self.seen.setdefault(tuple(start), []).append(last)
        self.done = len(output) + 1
        banned = self.seen.get(tuple(output[len(output) - self.size + 1 :]), []) if len(output) >= self.size - 1 else []
        logits[banned] = -float("inf")
        return logits
