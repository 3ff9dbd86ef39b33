"""Judges agree on the same two answers only; another language and a repeated question lose by similarity."""

from __future__ import annotations

import polars as pl

from stages.eval_scores.comparing import judges_agreement, lowest_elsewhere
from x_instruction.judging.verdicts import SCHEMA, by_column


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


def test_an_answer_wins_against_one_in_another_language_and_against_a_repeated_question() -> None:
    answers = {
        "question_id": ["q1", "q2", "q3", "q4"], "model": "tuned", "against": "base",
        "similarity": [-0.2, 0.0, 0.3, -0.2], "similarity_other": [0.0, 0.4, 0.0, 0.0],
        "in_language": [True, False, False, True], "in_language_other": [False, True, False, True],
        "repeats_question": False, "repeats_question_other": [False, False, False, True],
    }  # fmt: skip
    verdicts = by_column(lowest_elsewhere(pl.DataFrame(answers)), "similarity", "similarity", 0.05)
    assert verdicts["verdict"].to_list() == ["win", "loss", "tie", "win"]
