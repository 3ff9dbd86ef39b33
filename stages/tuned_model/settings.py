"""The section `tuned_model` of params.yaml."""

from __future__ import annotations

from x_instruction.models.settings import Training
from x_instruction.runner.settings import Section


class TunedModel(Section):
    """How the final model is fine-tuned."""

    training: Training
