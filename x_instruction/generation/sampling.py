"""Makes the Sampling for answers to instructions from the section `decoding` and the encoder's stop tokens."""

from __future__ import annotations

from x_instruction.generation.interface import Sampling
from x_instruction.models.prompts import PromptEncoder
from x_instruction.models.settings import Decoding


def answer_sampling(decoding: Decoding, seed: int, encoder: PromptEncoder) -> Sampling:
    return Sampling(
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        max_new_tokens=decoding.max_new_tokens,
        stop=encoder.stop,
        seed=seed,
        no_repeat_ngram=decoding.no_repeat_ngram,
        repetition_penalty=decoding.repetition_penalty,
        stop_strings=(*encoder.stop_strings, *decoding.stop_strings),
    )
