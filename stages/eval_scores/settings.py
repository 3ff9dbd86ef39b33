"""The section `eval_scores` of params.yaml."""

from __future__ import annotations

from x_instruction.runner.settings import Positive, Section, Share


class EvalScores(Section):
    prompts: str
    prompts_limit: Positive
    tie_margin: Share
