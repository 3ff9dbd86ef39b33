"""The section `instruction_model` of params.yaml."""

from __future__ import annotations

from x_instruction.models.settings import Training
from x_instruction.runner.settings import Section


class InstructionModel(Section):
    """How the model that writes instructions is fine-tuned."""

    training: Training
