"""The scores of answers, as counted by hand."""

from __future__ import annotations

import polars as pl
import pytest

from stages.eval_scores.measures import chrf, language_share, pairwise, verdict


def answers(
    *ratings: float, references: list[str] | None = None, instructions: list[str] | None = None
) -> pl.DataFrame:
    return pl.DataFrame({"rating": ratings}).with_columns(
        pl.Series("instruction", instructions or [f"question {n}" for n in range(len(ratings))], dtype=pl.String),
        pl.Series("reference", references or [""] * len(ratings), dtype=pl.String),
        kind=pl.lit("open"),
    )


@pytest.mark.parametrize(("first", "second", "won"), [(0.9, 0.5, 1), (0.5, 0.9, -1), (0.5, 0.54, 0), (0.5, 0.5, 0)])
def test_a_verdict_within_the_margin_is_a_tie(first: float, second: float, won: int) -> None:
    assert verdict(first, second, 0.05) == won


def test_wins_ties_and_losses_are_counted_question_by_question() -> None:
    found = pairwise(answers(0.9, 0.5, 0.1, 0.8), answers(0.1, 0.5, 0.9, 0.2), 0.05)
    assert found == {"wins": 2, "ties": 1, "losses": 1, "turned": 0, "win_share": 2.5 / 4}


def test_answers_are_compared_by_question_whatever_their_order() -> None:
    ours, other = answers(0.9, 0.1), answers(0.5, 0.5)
    assert pairwise(ours, other.reverse(), 0.05) == pairwise(ours, other, 0.05)


def test_two_held_out_seeds_of_one_instruction_are_two_questions() -> None:
    ours, other = (
        answers(*ratings, instructions=["Say.", "Say."], references=["yksi", "kaksi"])
        for ratings in ((0.9, 0.9), (0.1, 0.1))
    )
    assert pairwise(ours, other, 0.05)["wins"] == 2


def test_no_question_is_no_win() -> None:
    assert pairwise(answers(0.5).head(0), answers(0.5), 0.05)["win_share"] == 0.0


def written(response: str, reference: str) -> pl.DataFrame:
    return pl.DataFrame({"response": [response], "reference": [reference]})


def test_chrf_of_the_reference_itself_is_a_hundred() -> None:
    assert chrf(written("Leipä paistetaan uunissa.", "Leipä paistetaan uunissa.")) == pytest.approx(100)


def test_chrf_falls_with_the_characters_that_differ() -> None:
    near, far = (
        chrf(written(text, "Leipä paistetaan uunissa.")) for text in ("Leipä paistettiin uunissa.", "Huomenta!")
    )
    assert 100 > near > 50 > far


def test_chrf_of_no_answers_is_zero() -> None:
    assert chrf(written("", "").head(0)) == 0.0


def test_the_language_share_is_of_all_answers() -> None:
    assert language_share(pl.DataFrame({"in_language": [True, False, True, True]})) == 0.75


def test_the_language_share_of_no_answers_is_zero() -> None:
    assert language_share(pl.DataFrame(schema={"in_language": pl.Boolean})) == 0.0
