"""The measures of answers agree with values counted by hand and by sacrebleu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sacrebleu.metrics import CHRF

from stages.eval_scores.measures import (
    MEASURES,
    Answered,
    Measure,
    chrf_plus_plus,
    cut_share,
    empty_share,
    held_out_loss,
    language_share,
    mean_characters,
    repeated_question_share,
    repeated_share,
    similarity,
)
from stages.eval_scores.tables import DIFFERENCES, SCORES, score_tables, values_of
from x_instruction.judging.intervals import estimate, mean_of
from x_instruction.models.examples import Example
from x_instruction.models.measures import example_losses, mean_loss, model_to_measure

REFERENCE = "Leipä paistetaan uunissa."


def answers(*responses: str, asked_in: str = "en", **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"response": responses}, schema={"response": pl.String}).with_columns(
        question_id=pl.format("{}-{}", pl.lit(asked_in), pl.int_range(pl.len())),
        asked_in=pl.lit(asked_in),
        reference=pl.lit(""),
        in_language=pl.lit(True),
        finish_reason=pl.lit("stop"),
        repeated_share=pl.lit(0.0),
        repeats_question=pl.lit(False),
        similarity=pl.lit(0.25),
        rating=pl.lit(0.5),
    ).with_columns(**{name: pl.Series(values) for name, values in columns.items()})  # fmt: skip


def figure(measure: object, table: pl.DataFrame, losses: pl.DataFrame | None = None) -> float | None:
    observed = measure(Answered(table, losses))  # type: ignore[operator]
    found = observed and estimate(observed, 100, 1)
    return found.value if found else None


def test_shares_and_lengths_are_of_all_answers() -> None:
    table = answers(
        "yksi", " ", "kaksi", "kolme", in_language=[True, False, True, True], repeated_share=[0.0, 0.0, 0.5, 0.5],
        finish_reason=["length", "stop", "stop", "stop"], repeats_question=[False, False, True, False],
    )  # fmt: skip
    assert figure(language_share, table) == 0.75
    assert figure(empty_share, table) == 0.25
    assert figure(cut_share, table) == 0.25
    assert figure(repeated_share, table) == 0.25
    assert figure(repeated_question_share, table) == 0.25
    assert figure(mean_characters, table) == (4 + 1 + 5 + 5) / 4


def test_a_model_without_answers_has_no_figure() -> None:
    assert figure(language_share, answers()) is None and figure(chrf_plus_plus, answers()) is None


@pytest.mark.parametrize("responses", [[REFERENCE, "Huomenta!"], ["Leipä paistettiin uunissa?", ""], ["", ""]])
def test_chrf_plus_plus_equals_that_of_sacrebleu(responses: list[str]) -> None:
    references = [REFERENCE, "Hyvää huomenta, naapuri."]
    theirs = CHRF(word_order=2).corpus_score(responses, [references]).score
    assert figure(chrf_plus_plus, answers(*responses, reference=references)) == pytest.approx(theirs)


def test_chrf_plus_plus_leaves_out_answers_without_a_reference() -> None:
    table = answers(REFERENCE, "Huomenta!", reference=[REFERENCE, ""])
    assert figure(chrf_plus_plus, table) == pytest.approx(100)


def test_the_interval_of_chrf_plus_plus_comes_from_resampled_corpora() -> None:
    """The expected half-width of the interval comes from sacrebleu's bootstrap."""
    responses = ["Leipä paistetaan uunissa.", "Talo on suuri", "Kissa nukkuu jo", "Hyvää yötä", "Sataa lunta"] * 4
    references = ["Leipä leivotaan uunissa.", "Talo on pieni.", "Kissa juoksee.", "Huomenta", "Sataa vettä"] * 4
    theirs = CHRF(word_order=2, references=[references]).corpus_score(responses, None, n_bootstrap=1000)
    found = estimate(chrf_plus_plus(Answered(answers(*responses, reference=references), None)), 1000, 1)
    assert found and found.low is not None and found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(theirs._ci, rel=0.1)


def test_a_similarity_that_the_ratings_do_not_use_has_no_figure() -> None:
    assert figure(similarity, answers("a", "b", similarity=[0.5, float("nan")])) == 0.5
    assert figure(similarity, answers("a", similarity=[float("nan")])) is None


def test_losses_by_example_add_up_to_the_mean_loss(taught_model: Path, lessons: list[Example]) -> None:
    found = example_losses(taught_model, lessons)
    assert [tokens for _, tokens in found] == [len(example.completion) for example in lessons]
    whole = mean_loss(model_to_measure(taught_model), lessons)
    assert sum(nats for nats, _ in found) / sum(tokens for _, tokens in found) == pytest.approx(whole, rel=1e-5)
    alone = [mean_loss(model_to_measure(taught_model), [example]) for example in lessons]
    assert [nats / tokens for nats, tokens in found] == pytest.approx(alone, rel=1e-4)


def test_the_held_out_loss_is_per_token_and_of_our_models_only() -> None:
    losses = pl.DataFrame({"question_id": ["a", "b"], "nats": [30.0, 10.0], "tokens": [30, 10]})
    assert figure(held_out_loss, answers("a"), losses) == 1.0
    assert figure(held_out_loss, answers("a")) is None
    assert MEASURES["held_out_loss"].better == "lower"


def test_scores_and_differences_are_given_for_each_language_of_the_questions() -> None:
    native = answers("yksi", "kaksi", asked_in="fi", in_language=[False, False])
    tuned = pl.concat([answers("one", "two", "three"), native])
    models = {"tuned": Answered(tuned, None), "base": Answered(tuned.with_columns(in_language=pl.lit(False)), None)}
    scores, differences = score_tables(models, 100, 1)
    assert scores.schema == SCORES and differences.schema == DIFFERENCES
    share = scores.filter(pl.col("measure") == "language_share", pl.col("model") == "tuned")
    assert dict(share.select("asked_in", "value").iter_rows()) == {"all": 0.6, "en": 1.0, "fi": 0.0}
    gain = differences.filter(pl.col("measure") == "language_share")
    assert gain.select("against", "asked_in", "difference", "questions").rows() == [
        ("base", "all", 0.6, 5),
        ("base", "en", 1.0, 3),
        ("base", "fi", 0.0, 2),
    ]


def test_questions_in_one_language_have_one_row() -> None:
    scores, _ = score_tables({"tuned": Answered(answers("one", "two"), None)}, 100, 1)
    assert set(scores["asked_in"]) == {"all"}


def test_a_new_measure_needs_only_a_line_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = Measure(
        lambda model: mean_of(model.answers["question_id"].to_list(), model.answers["response"].str.len_bytes()),
        better="higher",
    )
    monkeypatch.setitem(MEASURES, "bytes", longest)
    models = {"tuned": Answered(answers("ää"), None), "base": Answered(answers("a"), None)}
    scores, differences = score_tables(models, 100, 1)
    assert values_of(scores, ["tuned", "base"])["tuned"]["bytes"] == 4
    assert differences.filter(pl.col("measure") == "bytes")["difference"].to_list() == [3]


def test_a_measure_without_a_value_is_none() -> None:
    scores, _ = score_tables({"tuned": Answered(answers("a"), None)}, 100, 1)
    found = values_of(scores, ["tuned"])["tuned"]
    assert found["held_out_loss"] is None and found["language_share"] == 1.0
