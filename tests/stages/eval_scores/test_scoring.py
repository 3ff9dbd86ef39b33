"""A similarity counts only if the answer is in the language asked for and does more than repeat the question."""

from __future__ import annotations

import polars as pl

from stages.eval_scores.scoring import only_answers, with_repeats
from tests.conftest import ROOT

QUESTION = "Miksi järvet jäätyvät talvella pinnalta?"


def test_an_answer_in_another_language_and_a_repeated_question_have_no_similarity() -> None:
    rows = {
        "similarity": [0.9, 0.8, 0.4, float("nan")],
        "in_language": [False, True, True, False],
        "repeats_question": [False, True, False, False],
    }
    found = only_answers(pl.DataFrame(rows))["similarity"]
    assert found.head(3).to_list() == [0.0, 0.0, 0.4] and found[3] != found[3]


def test_repeated_questions_are_marked() -> None:
    answers = [QUESTION, f"{QUESTION} Kylmä vesi on kevyempää kuin neliasteinen.", ""]
    rows = {"language": "fi", "instruction": QUESTION, "response": answers}
    assert with_repeats(pl.DataFrame(rows), ROOT / "languages")["repeats_question"].to_list() == [True, False, False]
