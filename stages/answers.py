"""How a model answers an instruction, wherever one does: as the section `decoding` says."""

from __future__ import annotations

from stages.prompts import PromptEncoder
from stages.settings import Settings
from stages.text_generation import Sampling


def answer_sampling(settings: Settings, encoder: PromptEncoder) -> Sampling:
    own = settings.decoding
    return Sampling(
        temperature=own.temperature,
        top_p=own.top_p,
        max_new_tokens=own.max_new_tokens,
        stop=encoder.stop,
        seed=settings.seed,
        no_repeat_ngram=own.no_repeat_ngram,
        repetition_penalty=own.repetition_penalty,
        stop_strings=(*encoder.stop_strings, *own.stop_strings),
    )
