"""The section `instruction_model` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from x_instruction.models.settings import Training
from x_instruction.runner.settings import Section


class InstructionModel(Section):
    """How the model that writes instructions is fine-tuned."""

    english_per_native: Annotated[float, Field(ge=0)]
    """The largest number of English seeds (`language: en` in seed_pairs.sources) for each training seed."""
    training: Training
