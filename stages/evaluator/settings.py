"""The section `evaluator` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from x_instruction.models.settings import Training
from x_instruction.runner.settings import NonEmpty, Positive, Section, Share


class Defects(Section):
    """How often each defect stands for its level in the rating set, relative to the others of the level."""

    cut: Annotated[float, Field(ge=0)]
    repeated: Annotated[float, Field(ge=0)]
    partly_foreign: Annotated[float, Field(ge=0)]
    strays: Annotated[float, Field(ge=0)]
    model_answer: Annotated[float, Field(ge=0)]
    boilerplate: Annotated[float, Field(ge=0)] = 0.0
    swapped: Annotated[float, Field(ge=0)]
    wrong_language: Annotated[float, Field(ge=0)]
    drift: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _some_in_each_level(self) -> Defects:
        flawed = (self.cut, self.repeated, self.partly_foreign, self.strays, self.model_answer, self.boilerplate)
        if not any(flawed) or not (self.swapped or self.wrong_language):
            raise ValueError(
                "each level needs a defect: one of cut, repeated, partly_foreign, strays, model_answer, "
                "boilerplate and one of swapped, wrong_language"
            )
        return self


class Evaluator(Section):
    """`whole_share` of the responses to learn from are taken whole, of the others a run of sentences.

    `open_instructions` are answered by any text: no response to one is swapped, or strays.
    `loss_over`: the three labels alone, as a rating is read, or the whole vocabulary, as in usual fine-tuning.
    `temperature_scaling`: without signals, scale the labels' probabilities by a temperature where that lowers the
    cross-entropy of pairs it was not fitted on. The regression that joins signals scales them itself.
    """

    start_from: Literal["base_model", "instruction_model", "response_model"]
    rated_pairs: Positive
    whole_share: Share = 0.0
    open_instructions: tuple[NonEmpty, ...] = ()
    batches: Literal["by_length", "in_order"] = "in_order"
    loss_over: Literal["labels", "vocabulary"] = "labels"
    defects: Defects
    temperature_scaling: bool
    training: Training
