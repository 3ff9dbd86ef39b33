"""The agreement of judges is computed only over verdicts on the same two answers."""

from __future__ import annotations

import polars as pl

from stages.eval_scores.comparing import judges_agreement
from x_instruction.judging.verdicts import SCHEMA


def test_verdicts_on_other_models_answers_are_not_compared() -> None:
    """People may judge any two models, but the evaluator only compares the tuned model with others."""
    given = [("evaluator", "tuned", "win"), ("similarity", "tuned", "win"), ("people", "seed_only", "loss")]
    verdicts = pl.DataFrame(
        [
            {"judge": judge, "question_id": f"q{number}", "model": model, "against": "base", "verdict": verdict}
            for judge, model, verdict in given
            for number in range(4)
        ],
        schema=SCHEMA,
    )
    found = judges_agreement(verdicts)
    assert found.select("judge", "other", "items").rows() == [("evaluator", "similarity", 4), ("all", "all", 4)]
