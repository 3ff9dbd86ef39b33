"""The section `candidate_pairs` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section


class CandidatePairs(Section):
    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    samples: Annotated[int, Field(ge=1, le=255)]
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.0
    stop_strings: tuple[NonEmpty, ...] = ()
    max_new_tokens: Positive
    min_instruction_words: Positive
    max_instruction_words: Positive
    max_similar: Positive

    @model_validator(mode="after")
    def _samples_differ(self) -> CandidatePairs:
        if self.samples > 1 and not self.temperature:
            raise ValueError("several samples of a text are all the same at temperature 0: raise it, or ask for one")
        return self
