"""The section `instruction_model` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from x_instruction.models.settings import Training
from x_instruction.runner.settings import Section


class InstructionModel(Section):
    """`english_per_native`: at most so many English seeds are learned from for each native one."""

    english_per_native: Annotated[float, Field(ge=0)]
    training: Training
