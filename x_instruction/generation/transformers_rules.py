"""Applies the sampling rules: repetition, `top_p` and stop strings.

These rules avoid three faults of the rules of transformers. There, an answer cannot repeat an n-gram of its question. A
stop string that begins in the prompt can end a text at its first token. A stop token that is also the pad token is
penalised after short prompts, because they are padded.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    LogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    StoppingCriteria,
    TopPLogitsWarper,
)

from x_instruction.generation.interface import Sampling


class Repetition(LogitsProcessor):
    """Applies the n-gram rule to the text, and the repetition penalty to prompt and text. Padding never counts."""

    def __init__(self, sampling: Sampling, mask: torch.Tensor) -> None:
        self.mask = mask.bool()
        self.penalty = RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)
        self.ngram = NoRepeatNGramLogitsProcessor(sampling.no_repeat_ngram) if sampling.no_repeat_ngram else None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        width = self.mask.shape[1]
        prompt, text = input_ids[:, :width], input_ids[:, width:]
        if self.penalty.penalty != 1:
            # Padding is replaced by the prompt's last token, which is penalised anyway.
            unpadded = torch.where(self.mask, prompt, prompt[:, -1:])
            scores = self.penalty(torch.cat([unpadded, text], dim=1), scores)
        return scores if self.ngram is None else self.ngram(text, scores)


class TopP(LogitsProcessor):
    """Keeps the likeliest tokens whose probabilities together reach `top_p`, so that no other token can be drawn.

    Apart from ties, it keeps the same tokens as TopPLogitsWarper of transformers, which sorts the whole vocabulary:
    with 32 texts and 262,144 tokens, a step took 0.87 s on one core. Here only the 1,024 likeliest tokens of a text are
    sorted (0.10 s), unless their probabilities do not reach `top_p`.
    """

    LIKELIEST = 1024

    def __init__(self, top_p: float) -> None:
        self.top_p, self.sort_all = top_p, TopPLogitsWarper(top_p)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        likeliest, tokens = scores.topk(min(self.LIKELIEST, scores.shape[1]))
        shares = (likeliest - scores.logsumexp(dim=1, keepdim=True)).exp()
        reached = shares.cumsum(dim=1)
        kept = likeliest.masked_fill(reached - shares >= self.top_p, -torch.inf)
        chosen = torch.full_like(scores, -torch.inf).scatter(1, tokens, kept)
        flat = reached[:, -1] < self.top_p
        if bool(flat.any()):
            chosen[flat] = self.sort_all(input_ids[flat], scores[flat])
        return chosen


class StopStrings(StoppingCriteria):
    """Ends the generation of a text of the batch when it contains one of the strings."""

    def __init__(self, strings: tuple[str, ...], tokenizer: Any, width: int) -> None:
        self.strings, self.tokenizer, self.width = strings, tokenizer, width
        # The number of last tokens that are decoded: enough for the longest string (a token has at least one byte), and
        # a few more, because decoding may strip a leading space.
        self.reach = max(len(string.encode()) for string in strings) + 4

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        ends = input_ids[:, max(self.width, input_ids.shape[1] - self.reach) :].tolist()
        texts = [self.tokenizer.decode(end, skip_special_tokens=True) for end in ends]
        ended = [any(string in text for string in self.strings) for text in texts]
        return torch.tensor(ended, device=input_ids.device)
