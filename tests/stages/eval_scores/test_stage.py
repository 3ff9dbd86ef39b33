"""With small models, the whole stage makes the right answers, tables and metrics, and reports a failing judge."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.eval_scores import stage
from stages.eval_scores.compared_models import folder_of
from stages.eval_scores.settings import ComparedModel
from stages.params import Settings
from tests.chat_server import Reply, chat_server
from tests.conftest import ROOT
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.similarity import Similarity
from x_instruction.embeddings.vectors import add_vectors
from x_instruction.judging.agreement import SCHEMA as AGREEMENT
from x_instruction.judging.comparisons import SCHEMA as COMPARISONS
from x_instruction.judging.exports import write_items
from x_instruction.judging.imports import import_verdicts
from x_instruction.judging.shown_items import sample_answers, sample_pairs
from x_instruction.judging.verdicts import SCHEMA as VERDICTS
from x_instruction.runner.checksums import FILES, checksums, write_sealed
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.gate import Metric, load_suite
from x_instruction.runner.job import Job
from x_instruction.runner.manifest import table_facts

MakeJob = Callable[..., Job]
SUITE = Path(stage.__file__).with_name("expectations.yaml")
BUILT_IN = [
    {"name": "tuned", "model": "tuned_model"},
    {"name": "seed_only", "model": "response_model/iteration_1"},
    {"name": "base", "model": "base_model"},
]


def made(job: Job) -> dict[str, Metric]:
    outcome = stage.run(job)
    return {**table_facts(job, outcome), **stage.measure(job, outcome)}


def table(job: Job, name: str) -> pl.DataFrame:
    return pl.read_parquet(job.staging / "tables" / f"{name}.parquet")


def failed(job: Job, metrics: dict[str, Metric]) -> set[str]:
    """The metrics that fail their expectations, found without Great Expectations."""
    found = set()
    for one in load_suite(SUITE, job.settings):
        value: Any = metrics.get(one.metric)
        if (
            value is None
            or (one.equals is not None and value != one.equals)
            or (one.at_most is not None and value > one.at_most)
            or (one.at_least is not None and value < one.at_least)
        ):
            found.add(one.metric)
    return found


def test_a_tuned_model_that_learned_nothing_is_refused(settings: Settings) -> None:
    (expected,) = [one for one in load_suite(SUITE, settings) if one.metric == "held_out_loss_change"]
    assert expected.severity == "critical" and expected.at_most is not None and expected.at_most < 0


def test_every_model_answers_every_question_and_is_scored(make_scores_job: MakeJob) -> None:
    job = make_scores_job()
    metrics = made(job)
    answers = job.staged.table()
    assert answers.group_by("model").len().sort("model").rows() == [("base", 6), ("seed_only", 6), ("tuned", 6)]
    assert answers["question_id"].n_unique() == 6 and set(answers["asked_in"]) == {"en", "fi"}
    replies = dict(answers.filter(pl.col("model") == "tuned").select("instruction", "response").iter_rows())
    assert replies["two"] == "ein Haus"
    # Models this small need not write Finnish or win against the base model.
    assert failed(job, metrics) <= {"tuned_language_share", "win_share_against_base"}
    assert float(metrics["held_out_loss_change"]) < -1 and metrics["unaccounted_rows"] == 0
    scores = table(job, "scores")
    tuned = scores.filter(pl.col("model") == "tuned", pl.col("asked_in") == "all")
    assert set(tuned["measure"]) == {
        "language_share", "empty_share", "repeated_share", "repeated_question_share", "cut_share",
        "mean_characters", "held_out_loss", "chrf_plus_plus", "mean_rating",
    }  # fmt: skip
    assert tuned.filter(pl.col("low") > pl.col("value") + 1e-9).is_empty()
    gain = table(job, "differences").filter(
        pl.col("measure") == "held_out_loss", pl.col("against") == "base", pl.col("asked_in") == "all"
    )
    assert gain["difference"].to_list() == pytest.approx([metrics["held_out_loss_change"]]) and gain["high"][0] < 0
    assert table(job, "verdicts").schema == VERDICTS and table(job, "comparisons").schema == COMPARISONS
    assert table(job, "agreement").schema == AGREEMENT
    figures = read_json(job.staging / "scores.json")
    # A release finds the scores of a model by the hash of the model.
    assert figures["contents"] == {
        "tuned": "tuned_model", "seed_only": "response_model/iteration_1", "base": "base_model",
    }  # fmt: skip
    assert list(figures["pairwise"]) == ["evaluator"]
    assert set(figures["pairwise"]["evaluator"]) == {"tuned_against_seed_only", "tuned_against_base"}


def test_the_samples_settings_use_all_signals_and_publish_two(
    make_scores_job: MakeJob, settings: Settings, tmp_path: Path, tiny_model: Path
) -> None:
    for name in ("data/instruction_model", "data/sample"):
        (tmp_path / name).symlink_to(tiny_model if name.endswith("model") else ROOT / name)
    rating = settings.rating.model_copy(update={"labels": ["A", "B", "C"]})
    job = make_scores_job(rating=rating, **settings.eval_scores.model_dump())
    pairs = pl.DataFrame(
        {"language": ["fi"] * 2, "instruction": ["Why?", "How?"], "response": ["Koska niin.", "Näin se tehdään."]}
    )
    encoder = LazyEncoder(settings.embeddings, tmp_path)
    Similarity.fit(add_vectors(pairs, encoder, job.language_pages)).write(job.input("evaluator/iteration_1"))
    metrics = made(job)
    assert failed(job, metrics) <= {"tuned_language_share", "win_share_against_base"}
    answers = job.staged.table()
    assert answers.height == 3 * (24 + 4 + 2) and answers["similarity"].is_finite().all()
    assert set(table(job, "scores")["asked_in"]) == {"all", "en", "fi"}
    agreed = table(job, "agreement").row(0, named=True)
    assert (agreed["judge"], agreed["other"], agreed["items"]) == ("evaluator", "similarity", 60)


def test_a_second_run_takes_the_answers_from_the_work_store(
    make_scores_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_scores_job()
    made(first)
    before = first.staged.table()
    monkeypatch.setattr("stages.eval_scores.answers.write_answers", lambda *_, **__: pytest.fail("asked again"))
    again = make_scores_job()
    made(again)
    assert again.staged.table().equals(before)


def grader(message: str) -> Reply:
    return {"A": 0.6, "B": 0.2, "C": 0.2}


def judged(server: Any, **settings: Any) -> dict[str, Any]:
    return {"name": "served", "endpoint": server.endpoint.model_dump(), **settings}


def test_a_judge_at_an_endpoint_is_asked_in_both_orders_and_compared_with_the_evaluator(
    make_scores_job: MakeJob,
) -> None:
    with chat_server(grader) as server:
        job = make_scores_job(judges=[judged(server)])
        metrics = made(job)
        assert len(server.bodies) == 2 * 2 * 6  # two pairs of models are judged in two orders on six questions
    row = table(job, "comparisons").filter(pl.col("judge") == "served", pl.col("against") == "base").row(0, named=True)
    assert (row["ties"], row["order_disagreement"], row["win_share"]) == (6, 1.0, 0.5)
    assert metrics["verdicts_missing"] == 0
    agreed = table(job, "agreement").row(0, named=True)
    assert (agreed["judge"], agreed["other"], agreed["items"]) == ("evaluator", "served", 12)


def test_a_setting_limits_the_questions_that_a_judge_reads(make_scores_job: MakeJob) -> None:
    with chat_server(grader) as server:
        made(make_scores_job(judges=[judged(server, questions=2)]))
        assert len(server.bodies) == 2 * 2 * 2


def test_a_judge_that_is_down_does_not_affect_other_results(
    make_scores_job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    with chat_server(lambda _: 503) as server:
        job = make_scores_job(judges=[judged(server)])
        metrics = made(job)
    assert "warning: served gave no verdict on 12 of 12 pairs: the endpoint" in capsys.readouterr().err
    assert metrics["verdicts_missing"] == 12 and "verdicts_missing" in failed(job, metrics)
    assert table(job, "comparisons").filter(pl.col("judge") == "evaluator")["questions"].to_list() == [6, 6]
    assert table(job, "verdicts").filter(pl.col("judge") == "served")["failure"].str.contains("code 503").all()


def test_a_judge_with_an_impossible_address_does_not_affect_other_results(
    make_scores_job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_scores_job(judges=[{"name": "served", "endpoint": {"url": "http://127.0.0.1:80o0/v1", "model": "m"}}])
    assert made(job)["verdicts_missing"] == 12
    warned = capsys.readouterr().err
    assert "warning: served gave no verdict on 12 of 12 pairs: the endpoint http://127.0.0.1:80o0/v1 cannot" in warned
    assert table(job, "comparisons").filter(pl.col("judge") == "evaluator")["questions"].to_list() == [6, 6]


def test_verdicts_before_a_failure_are_kept_for_the_next_run(
    make_scores_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.eval_scores.comparing.JUDGED_AT_ONCE", 4)
    asked: list[str] = []

    def breaks(message: str) -> Reply:
        asked.append(message)
        return 503 if len(asked) > 8 else {"A": 1.0}

    with chat_server(breaks) as server:
        metrics = made(make_scores_job(judges=[judged(server)]))
        assert metrics["verdicts_missing"] == 8
        server.reply, server.bodies = grader, []
        assert made(make_scores_job(judges=[judged(server)]))["verdicts_missing"] == 0
        assert len(server.bodies) == 2 * 8


def test_a_judge_that_answers_nonsense_gives_no_verdict(make_scores_job: MakeJob) -> None:
    with chat_server(lambda _: {"Well": 1.0}) as server:
        job = make_scores_job(judges=[judged(server)])
        assert made(job)["verdicts_missing"] == 12
    assert table(job, "verdicts").filter(pl.col("judge") == "served")["verdict"].null_count() == 12


def test_verdicts_of_people_are_a_judge_whose_agreement_with_the_evaluator_is_a_metric(
    make_scores_job: MakeJob, tmp_path: Path
) -> None:
    job = make_scores_job()
    made(job)
    answers = job.staged.table()
    items = [*sample_pairs(answers, "tuned", 8, 1, "Finnish"), *sample_answers(answers, 9, 1, "Finnish")]
    write_items(items, tmp_path / "people")
    path = tmp_path / "people" / "filled.csv"
    chosen = [
        (item.id, "best" if item.kind == "answers" else "answer_2" if item.turned else "answer_1") for item in items
    ]
    path.write_text("\n".join(["id,verdict,person", *(f"{item},{choice},anna" for item, choice in chosen)]))
    import_verdicts(tmp_path / "people", [path], tmp_path / "said.jsonl")

    job = make_scores_job(human_verdicts="said.jsonl")
    metrics = made(job)
    assert metrics["human_verdicts_unmatched"] == 0
    people = table(job, "comparisons").filter(pl.col("judge") == "people")
    assert (people["wins"].sum(), people["questions"].sum(), people["win_share"].to_list()) == (8, 8, [1.0, 1.0])
    agreed = table(job, "agreement").filter(pl.col("other") == "people").select("judge", "kind", "items").rows()
    assert agreed == [("evaluator", "verdicts", 8), ("evaluator", "levels", 9)]
    assert "evaluator_and_people_levels" in read_json(job.staging / "scores.json")["agreement"]


def test_the_model_of_another_run_is_found_by_the_folder_of_its_tuned_model(
    make_scores_job: MakeJob, tmp_path: Path
) -> None:
    job, other = make_scores_job(), tmp_path / "other/data/tuned_model"
    compared = ComparedModel(name="recipe", model="other/data/tuned_model")
    write_json(other / "config.json", {})
    assert folder_of(compared, job) == other
    (other / "config.json").unlink()
    write_json(other / "fi" / "config.json", {})
    assert folder_of(compared, job) == other / "fi"


def test_an_undefined_agreement_is_not_a_metric() -> None:
    verdicts, levels = "evaluator_and_people_verdicts", "evaluator_and_people_levels"
    both: dict[str, dict[str, Any]] = {verdicts: {"kappa": 0.5}, levels: {"kappa": None}}
    assert stage._agreement_with_people(both) == {"kappa_with_people_verdicts": 0.5}


def with_endpoint(server: Any) -> list[dict[str, Any]]:
    return [*BUILT_IN, {"name": "rival", "endpoint": server.endpoint.model_dump()}]


def test_an_endpoint_is_compared_like_a_model(make_scores_job: MakeJob) -> None:
    with chat_server(lambda message: f"Tämä on suomenkielinen vastaus kysymykseen: {message}") as server:
        job = make_scores_job(models=with_endpoint(server))
        metrics = made(job)
        assert {body["messages"][0]["content"] for body in server.bodies} >= {"one Answer in Finnish."}
        assert server.bodies[0]["max_tokens"] == 12
    assert metrics["rival_language_share"] == 1.0 and "rival_held_out_loss" not in metrics
    assert "tuned_against_rival" in read_json(job.staging / "scores.json")["pairwise"]["evaluator"]


def test_questions_that_an_endpoint_does_not_answer_are_dropped(
    make_scores_job: MakeJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stages.eval_scores.answers.ASKED_AT_ONCE", 1)
    refused = "four"

    with chat_server(lambda message: 503 if message.startswith(refused) else "Hyvä vastaus.") as server:
        job = make_scores_job(models=with_endpoint(server))
        metrics = made(job)
    assert "warning: rival left 1 of 6 questions unanswered: the endpoint" in capsys.readouterr().err
    assert job.staged.drop_counts() == {"no_answer": 1}
    assert metrics["unanswered_share"] == pytest.approx(1 / 24) and metrics["unaccounted_rows"] == 0
    row = table(job, "comparisons").filter(pl.col("against") == "rival").row(0, named=True)
    assert row["questions"] == 5


def test_an_endpoint_that_answers_nothing_ends_the_run_with_one_sentence(make_scores_job: MakeJob) -> None:
    with (
        chat_server(lambda _: 503) as server,
        pytest.raises(InputError, match=r"models\.rival answered none of 6 questions: the endpoint .* code 503"),
    ):
        made(make_scores_job(models=with_endpoint(server)))


def test_a_foreign_model_is_compared_with_its_own_prompt(
    make_scores_job: MakeJob, taught_model: Path, tmp_path: Path
) -> None:
    other = {"name": "other", "model": str(taught_model), "prompt": "{instruction} {language}"}
    job = make_scores_job(models=[*BUILT_IN, other])
    metrics = made(job)
    assert metrics["rows"] == 24 and "other_held_out_loss" not in metrics
    answers = job.staged.table()
    assert not answers.filter(pl.col("model") == "other")["response"].equals(
        answers.filter(pl.col("model") == "tuned")["response"]
    )


def test_a_missing_model_is_named_before_any_model_is_asked(make_scores_job: MakeJob) -> None:
    job = make_scores_job(models=[*BUILT_IN, {"name": "other", "model": "nobody/model"}])
    with pytest.raises(InputError, match=r"models\.other: nobody/model is not a folder here; if it is a hub id"):
        stage.run(job)
    job = make_scores_job(models=[*BUILT_IN, {"name": "third", "model": "response_model/iteration_9"}])
    with pytest.raises(InputError, match="iteration_9 is missing or unfinished"):
        stage.run(job)


def test_a_damaged_foreign_model_is_named_before_any_model_is_asked(
    make_scores_job: MakeJob, taught_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(taught_model, tmp_path / "other")
    write_sealed(folder / "manifest.json", {"artifact": "tuned_model", FILES: checksums(folder)})
    (folder / "config.json").write_text("{}")
    job = make_scores_job(models=[*BUILT_IN, {"name": "other", "model": str(folder)}])
    with pytest.raises(InputError, match=r"other/config\.json is damaged: .*; copy .*/other again from where it came"):
        stage.run(job)


def test_a_hub_model_is_read_from_the_cache_by_its_commit(
    make_scores_job: MakeJob, taught_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshots = tmp_path / "hub/models--some--model/snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / commit).symlink_to(taught_model)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    named = {"name": "other", "model": "some/model", "revision": commit}
    job = make_scores_job(models=[*BUILT_IN, named])
    assert made(job)["rows"] == 24
    missing = make_scores_job(models=[*BUILT_IN, {**named, "revision": commit[::-1]}])
    with pytest.raises(InputError, match=r"models\.other: some/model at .* cannot be loaded"):
        stage.run(missing)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"models": BUILT_IN[:2]}, "list `{name: base, model: base_model}`"),
        ({"models": [*BUILT_IN, BUILT_IN[0]]}, "the name tuned is given more than once"),
        ({"models": [*BUILT_IN, {"name": "x"}]}, "give x either `model` or `endpoint`"),
        (
            {"models": [*BUILT_IN, {"name": "x", "endpoint": {"url": "http://x"}}]},
            "x needs endpoint.url and endpoint.m",
        ),
        (
            {"models": [*BUILT_IN, {"name": "x", "model": "y", "prompt": "{language}"}]},
            "must contain {instruction} and",
        ),
        ({"questions": [{"name": "seeds", "path": "q"}]}, "the name seeds belongs to the held-out seeds"),
    ],
)
def test_impossible_settings_are_refused(make_scores_job: MakeJob, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make_scores_job(**changed)


def test_models_and_questions_are_dependencies(tmp_path: Path, make_scores_job: MakeJob) -> None:
    (tmp_path / "other").mkdir()
    more = [{"name": "a", "model": "other"}, {"name": "b", "model": "some/hub", "revision": "0" * 40}]
    section = make_scores_job(models=[*BUILT_IN, *more], human_verdicts="said.jsonl").section(stage.EvalScores)
    assert section.inputs(tmp_path) == [
        "data/tuned_model", "data/response_model/iteration_1", "data/base_model", "${eval_scores.models[3].model}",
        "${eval_scores.questions[0].path}", "${eval_scores.human_verdicts}",
    ]  # fmt: skip
    assert ComparedModel(name="x", model="response_model/iteration_2").inputs(0, tmp_path) == [
        "data/response_model/iteration_2"
    ]


def test_rows_without_a_question_are_counted(make_scores_job: MakeJob, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(path.read_text() + "\n" + json.dumps({"category": "how-to"}))
    job = make_scores_job()
    metrics = made(job)
    assert (metrics["questions_left_out"], metrics["unaccounted_rows"]) == (1, 0)
