"""The section `candidate_pairs` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from x_instruction.runner.settings import NonEmpty, Positive, Section


class CandidatePairs(Section):
    """How instructions are sampled, and which of them are usable."""

    samples: Annotated[int, Field(ge=1, le=255)]
    """Number of instructions that are written for each text."""
    kept_samples: Positive | None
    """The number of a text's usable samples that the evaluator rates: the likeliest are chosen (`likeliest.py`); null:
    all. refined_pairs keeps the best rated one. A text may lose all its samples to `max_similar`, which is applied
    after this choice."""
    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    repetition_penalty: Annotated[float, Field(gt=0)]
    """Above 1, tokens that are already in the prompt or the instruction become less likely (Keskar et al., arXiv
    1909.05858)."""
    stop_strings: tuple[NonEmpty, ...]
    """Strings that end an instruction, in addition to `prompts.end`."""
    max_new_tokens: Positive
    min_instruction_words: Positive
    max_instruction_words: Positive
    max_similar: Positive
    """How many texts of a language may have the same instruction. Instructions that differ only in numbers, filler
    words, case or punctuation count as the same."""

    @model_validator(mode="after")
    def _some_length_is_allowed(self) -> CandidatePairs:
        if self.min_instruction_words > self.max_instruction_words:
            raise ValueError(
                f"min_instruction_words ({self.min_instruction_words}) must not be more than max_instruction_words "
                f"({self.max_instruction_words})"
            )
        return self

    @model_validator(mode="after")
    def _samples_differ(self) -> CandidatePairs:
        if self.samples > 1 and not self.temperature:
            raise ValueError(
                "at temperature 0 all samples of a text are the same: raise the temperature, or set samples to 1"
            )
        return self

    @model_validator(mode="after")
    def _kept_samples_are_written(self) -> CandidatePairs:
        if self.kept_samples is not None and self.kept_samples > self.samples:
            raise ValueError(
                f"kept_samples is {self.kept_samples}, but `samples` is {self.samples}: raise samples, or set "
                "kept_samples to null"
            )
        return self
