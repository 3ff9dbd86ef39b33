"""The section `report` of params.yaml."""

from __future__ import annotations

from x_instruction.runner.settings import Positive, Section


class Report(Section):
    questions: Positive
    """Number of questions in each language whose answers are shown side by side, the tuned model's worst first."""
    pairs: Positive
    """Number of released pairs in each language that are shown, the lowest rated first."""
