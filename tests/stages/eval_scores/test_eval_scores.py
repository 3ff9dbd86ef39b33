"""The scores of answers, as counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from stages.eval_scores.measures import MEASURES, Answered, Measure, chrf, held_out_loss, language_share, pairwise
from stages.eval_scores.stage import OTHERS, TUNED, _scores, measure
from x_instruction.models.examples import Example
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.outcome import Outcome
from x_instruction.runner.shards import write_shard


def answers(
    *ratings: float, references: list[str] | None = None, instructions: list[str] | None = None
) -> pl.DataFrame:
    return pl.DataFrame({"rating": ratings}).with_columns(
        pl.Series("instruction", instructions or [f"question {n}" for n in range(len(ratings))], dtype=pl.String),
        pl.Series("reference", references or [""] * len(ratings), dtype=pl.String),
        kind=pl.lit("open"),
        similarity=pl.lit(0.25),
    )


def test_wins_ties_and_losses_are_counted_question_by_question() -> None:
    found = pairwise(answers(0.9, 0.5, 0.1, 0.8), answers(0.1, 0.5, 0.9, 0.2), 0.05)
    assert found == {"wins": 2, "ties": 1, "losses": 1, "win_share": 2.5 / 4}


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [(0.9, 0.5, "wins"), (0.5, 0.9, "losses"), (0.5, 0.54, "ties"), (0.54, 0.5, "ties"), (0.5, 0.5, "ties")],
)
def test_ratings_within_the_margin_tie(first: float, second: float, outcome: str) -> None:
    assert pairwise(answers(first), answers(second), 0.05)[outcome] == 1


def test_answers_are_compared_by_question_in_any_order() -> None:
    ours, other = answers(0.9, 0.1), answers(0.5, 0.5)
    assert pairwise(ours, other.reverse(), 0.05) == pairwise(ours, other, 0.05)


def test_two_held_out_seeds_of_the_same_instruction_are_two_questions() -> None:
    ours, other = (
        answers(*ratings, instructions=["Say.", "Say."], references=["yksi", "kaksi"])
        for ratings in ((0.9, 0.9), (0.1, 0.1))
    )
    assert pairwise(ours, other, 0.05)["wins"] == 2


def test_no_question_is_no_win() -> None:
    assert pairwise(answers(0.5).head(0), answers(0.5), 0.05)["win_share"] == 0.0


def model(answers: pl.DataFrame, folder: Path = Path("nowhere"), examples: list[Example] | None = None) -> Answered:
    return Answered(folder, answers, examples or [])


def written(response: str, reference: str, kind: str = "held_out") -> pl.DataFrame:
    return pl.DataFrame({"response": [response], "reference": [reference], "kind": [kind]})


def test_chrf_of_the_reference_itself_is_a_hundred() -> None:
    assert chrf(model(written("Leipä paistetaan uunissa.", "Leipä paistetaan uunissa."))) == pytest.approx(100)


def test_chrf_falls_with_the_characters_that_differ() -> None:
    near, far = (
        chrf(model(written(text, "Leipä paistetaan uunissa."))) for text in ("Leipä paistettiin uunissa.", "Huomenta!")
    )
    assert 100 > near > 50 > far


def test_chrf_leaves_out_open_questions_which_have_no_reference() -> None:
    held_out = written("Leipä paistetaan uunissa.", "Leipä paistetaan uunissa.")
    assert chrf(model(pl.concat([held_out, written("Huomenta!", "", kind="open")]))) == pytest.approx(100)


def test_chrf_of_no_answers_is_zero() -> None:
    assert chrf(model(written("", "").head(0))) == 0.0


def test_the_language_share_is_of_all_answers() -> None:
    assert language_share(model(pl.DataFrame({"in_language": [True, False, True, True]}))) == 0.75


def test_the_language_share_of_no_answers_is_zero() -> None:
    assert language_share(model(pl.DataFrame(schema={"in_language": pl.Boolean}))) == 0.0


def test_a_model_that_learned_its_held_out_examples_has_the_lower_loss(
    tiny_model: Path, taught_model: Path, lessons: list[Example]
) -> None:
    before, after = (held_out_loss(model(pl.DataFrame(), folder, lessons)) for folder in (tiny_model, taught_model))
    assert MEASURES["held_out_loss"].better == "lower" and after < before - 1


def test_a_new_measure_needs_only_a_line_in_the_table(
    make_job: Callable[..., Job], tiny_model: Path, lessons: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MEASURES, "answers", Measure(lambda model: float(model.answers.height), better="higher"))
    heights = {TUNED: 2, **dict.fromkeys(OTHERS, 1)}
    table = answers(0.1, 0.9).with_columns(response=pl.lit("Leipä."), in_language=pl.lit(True))
    models = {name: model(table.head(height), tiny_model, lessons) for name, height in heights.items()}
    job = make_job("eval_scores")
    write_json(job.staging / "scores.json", _scores(models, margin=0.05))
    write_shard(table, job.staging / "part-00000.parquet")
    found = measure(job, Outcome(facts={"questions_cut": 0}))
    assert (found["tuned_answers"], found["base_answers"], found["answers_change"]) == (2, 1, 1)
    assert (found["tuned_similarity"], found["similarity_change"]) == (0.25, 0)


def test_a_measure_without_a_value_is_left_out_of_the_metrics(
    make_job: Callable[..., Job], tiny_model: Path, lessons: list[Example]
) -> None:
    table = answers(0.1, 0.9).with_columns(response=pl.lit("Leipä."), in_language=pl.lit(True), similarity=float("nan"))
    scores = _scores({name: model(table, tiny_model, lessons) for name in (TUNED, *OTHERS)}, margin=0.05)
    assert scores["models"][TUNED]["similarity"] is None
    job = make_job("eval_scores")
    write_json(job.staging / "scores.json", scores)
    write_shard(table, job.staging / "part-00000.parquet")
    found = measure(job, Outcome(facts={"questions_cut": 0}))
    assert "tuned_mean_rating" in found and not [name for name in found if "similarity" in name]
