"""Rules of transformers on what was generated alone: it reads padding, prompt and text as one row of tokens.

With the prompt in it, an answer could not take up six words of its question, a stop string could begin in the prompt
and end a text at its first token, and a stop token that serves as padding too was penalized in short prompts alone.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    LogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    StoppingCriteria,
)

from x_instruction.generation.interface import Sampling


class Repetition(LogitsProcessor):
    """The n-gram rule on the text, the penalty on prompt and text, neither on padding; as with vLLM."""

    def __init__(self, sampling: Sampling, mask: torch.Tensor) -> None:
        self.mask = mask.bool()
        self.penalty = RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)
        self.ngram = NoRepeatNGramLogitsProcessor(sampling.no_repeat_ngram) if sampling.no_repeat_ngram else None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        width = self.mask.shape[1]
        prompt, text = input_ids[:, :width], input_ids[:, width:]
        if self.penalty.penalty != 1:
            # The last token of a prompt is never padding, and counts however often it comes.
            said = torch.where(self.mask, prompt, prompt[:, -1:])
            scores = self.penalty(torch.cat([said, text], dim=1), scores)
        return scores if self.ngram is None else self.ngram(text, scores)


class StopStrings(StoppingCriteria):
    """Ends a row whose text holds one of the strings."""

    def __init__(self, strings: tuple[str, ...], tokenizer: Any, width: int) -> None:
        self.strings, self.tokenizer, self.width = strings, tokenizer, width
        # Tokens that can hold the longest, a byte each, and some before it: decoding may strip a text's first blank.
        self.reach = max(len(string.encode()) for string in strings) + 4

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        ends = input_ids[:, max(self.width, input_ids.shape[1] - self.reach) :].tolist()
        texts = [self.tokenizer.decode(end, skip_special_tokens=True) for end in ends]
        found = [any(string in text for string in self.strings) for text in texts]
        return torch.tensor(found, device=input_ids.device)
