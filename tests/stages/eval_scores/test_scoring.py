"""A similarity counts only if the answer is in the language asked for and does more than repeat the question."""

from __future__ import annotations

import polars as pl

from stages.eval_scores.scoring import only_in_language, without_repetitions
from tests.conftest import ROOT


def test_an_answer_in_another_language_has_no_similarity() -> None:
    rows = {"similarity": [0.9, 0.4, float("nan")], "in_language": [False, True, False]}
    found = only_in_language(pl.DataFrame(rows))["similarity"]
    assert found.head(2).to_list() == [0.0, 0.4] and found[2] != found[2]


def test_an_answer_that_only_repeats_its_question_has_no_similarity() -> None:
    question = "Miksi järvet jäätyvät talvella pinnalta?"
    answers = [question, f"{question} Kylmä vesi on kevyempää kuin neliasteinen.", question]
    rows = {"language": "fi", "instruction": question, "response": answers, "similarity": [0.9, 0.5, float("nan")]}
    found = without_repetitions(pl.DataFrame(rows), ROOT / "languages")["similarity"]
    assert found.head(2).to_list() == [0.0, 0.5] and found[2] != found[2]
