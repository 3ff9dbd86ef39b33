"""The section `eval_scores` of params.yaml."""

from __future__ import annotations

from x_instruction.runner.settings import Positive, Section, Share


class EvalScores(Section):
    """`prompts` is a JSONL file of English prompts, of which at most `prompts_limit` are used."""

    prompts: str
    prompts_limit: Positive
    tie_margin: Share
    """Two answers whose ratings differ by at most this are a tie."""
