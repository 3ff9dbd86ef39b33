"""The section `tuned_model` of params.yaml."""

from __future__ import annotations

from typing import Literal

from x_instruction.models.settings import Training
from x_instruction.runner.settings import Section


class TunedModel(Section):
    """How the final model is fine-tuned."""

    one_for: Literal["all", "each_language"]
    """`all`: one model for all languages. `each_language`: one model for each language, in a subfolder named by its
    code. The chat template of such a model requests answers in its language."""
    training: Training
