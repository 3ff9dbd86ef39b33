"""The section `response_model` of params.yaml."""

from __future__ import annotations

from x_instruction.models.settings import Training
from x_instruction.runner.settings import Section


class ResponseModel(Section):
    """How the response model of each iteration is fine-tuned."""

    training: Training
