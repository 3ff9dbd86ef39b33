"""The section `report` of params.yaml."""

from __future__ import annotations

from x_instruction.runner.settings import Positive, Section


class Report(Section):
    questions: Positive
    """For each language, the largest number of questions that are shown with the answers of all models, the tuned
    model's worst answers first."""
    pairs: Positive
    """For each language, the largest number of released pairs that are shown, the lowest rated first."""
