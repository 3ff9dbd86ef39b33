"""The benchmark `seeds` trains and measures models in a tiny project, and resumes after an interruption."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from stages.eval_scores.measures import Answered
from stages.eval_scores.settings import Questions
from stages.params import Settings
from tests.benchmarks import seeds, seeds_project
from tests.benchmarks.project_copy import merged
from tests.benchmarks.seeds import (
    further_questions,
    model_name,
    number_of_seeds,
    projects,
    rows_of_project,
    with_questions,
)
from tests.benchmarks.seeds_figures import ORDER, UNITS, Compared, compared, over_seeds, pooled, rows_of
from tests.benchmarks.seeds_project import answers_key_of, key_of, make_view, settings_of, train
from tests.benchmarks.table import ROOT, SkippedError
from x_instruction.judging.intervals import Observed, mean_of
from x_instruction.runner.errors import SettingsError
from x_instruction.runner.job import Job
from x_instruction.runner.manifest import write_manifest
from x_instruction.runner.outcome import Outcome

SEEDS = [
    ("Describe a cat.", "Kissa on pieni eläin. Se nukkuu paljon."),
    ("How is bread baked?", "Leipä paistetaan uunissa. Taikina kohoaa ensin."),
    ("Why does it rain?", "Sade syntyy pilvissä. Vesi tiivistyy pisaroiksi."),
    ("Describe a train.", "Juna kulkee kiskoilla. Se on pitkä ja nopea."),
]
SHORT = {"epochs": 4.0, "batch_size": 1, "max_tokens": 200, "learning_rate": 0.005, "save_every": 2}
CHANGED = {
    "languages": ["fi"],
    "tuned_model": {"training": SHORT},
    "response_model": {"training": SHORT},
    "decoding": {"max_new_tokens": 4, "no_repeat_ngram": 0},
    "eval_scores": {"questions": [{"name": "prompts", "path": "data/sample/eval_prompts.jsonl", "limit": 2}]},
}


@pytest.fixture
def project(tmp_path: Path, tiny_model: Path, make_job: Callable[..., Job]) -> Path:
    """A finished project with one language; its base model is the tiny model."""
    root = tmp_path / "project"
    (root / "data" / "sample").mkdir(parents=True)
    shutil.copy(ROOT / "data/sample/eval_prompts.jsonl", root / "data/sample")
    params = merged(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")), CHANGED)
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    splits = ["held_out", "held_out", "train", "train"]
    rows = [
        {
            "id": str(number),
            "instruction_id": str(number),
            "instruction": asked,
            "response": said,
            "split": splits[number],
        }
        for number, (asked, said) in enumerate(SEEDS)
    ]
    tables = {"seed_pairs": pl.DataFrame(rows), "diversified_set": pl.DataFrame(rows[2:])}
    for artifact, table in tables.items():
        folder = root / "data" / artifact / "fi"
        folder.mkdir(parents=True)
        table.write_parquet(folder / "part-00000.parquet")
    models = [("base_model",), ("tuned_model",), ("response_model", "iteration_1")]
    for names in models:
        shutil.copytree(tiny_model, root.joinpath("data", *names))
    for names in [*models, ("seed_pairs", "fi"), ("diversified_set", "fi")]:
        job = make_job(names[0], None, root=root)
        write_manifest(replace(job, staging=root.joinpath("data", *names)), Outcome())
    return root


def test_models_of_each_seed_are_trained_measured_and_kept(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {row.case: row for row in rows_of_project(project, tmp_path / "cache", 3)}
    assert len(rows) == 2 * len(UNITS) + 1
    loss = rows["embedded model (2 pairs), fi, held_out_loss, seed_only"]
    # The project's own models have learned nothing, but those of the second and the third seed have.
    assert loss.peer - loss.ours > 0.1 and "better in 2 of 3 seeds" in loss.note and "over 2 questions" in loss.note
    views = sorted((tmp_path / "cache").glob("*/seed_*"))
    weights = [(view / "data" / "tuned_model" / "model.safetensors").read_bytes() for view in views]
    assert [view.name for view in views] == ["seed_17", "seed_18", "seed_19"]
    assert weights[0] == (project / "data" / "tuned_model" / "model.safetensors").read_bytes()
    assert len(set(weights)) == 3
    assert not (project / "data" / "runs").exists()  # the project itself is only read

    def no_more(*_: object, **__: object) -> None:
        raise AssertionError("a finished model or table is made again")

    monkeypatch.setattr(seeds_project.tuned_model, "run", no_more)
    monkeypatch.setattr(seeds_project, "answers_of", no_more)
    assert {row.case: row for row in rows_of_project(project, tmp_path / "cache", 3)} == rows


def test_further_questions_are_asked_without_training_again(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {row.case: row for row in rows_of_project(project, tmp_path / "cache", 2)}
    more = tmp_path / "more.jsonl"
    more.write_text('{"prompt": "Why is the sky blue?"}\n{"prompt": "Who was Napoleon?"}\n')
    monkeypatch.setenv("QUESTIONS", str(more))
    monkeypatch.setattr(seeds_project.tuned_model, "run", None)  # a call would fail
    rows = {row.case: row for row in rows_of_project(project, tmp_path / "cache", 2)}
    share = "embedded model (2 pairs), fi, language_share, tuned"
    assert "over 4 questions" in few[share].note and "over 6 questions" in rows[share].note
    loss = "embedded model (2 pairs), fi, held_out_loss, tuned"
    assert few[loss] == rows[loss]


def test_a_missing_file_of_questions_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QUESTIONS", str(tmp_path / "absent.jsonl"))
    with pytest.raises(SettingsError, match=r"QUESTIONS: .*absent\.jsonl is not a file; give a JSONL file"):
        further_questions()


def test_a_training_that_was_killed_goes_on_from_its_checkpoint(
    project: Path, tmp_path: Path, kill_training: Callable[[int], AbstractContextManager[None]]
) -> None:
    views = []
    for name in ("undisturbed", "killed"):
        views.append(tmp_path / name)
        make_view(project, views[-1], with_models=False)
    valid = settings_of(project)
    train(views[0], valid)
    with kill_training(3):
        train(views[1], valid)
    assert [path.name for path in views[1].glob("data/.work/tuned_model/checkpoints/*/*")] == ["checkpoint-2"]
    train(views[1], valid)
    weights = [(view / "data" / "tuned_model" / "model.safetensors").read_bytes() for view in views]
    assert weights[0] == weights[1]
    assert not (views[1] / "data" / ".work" / "tuned_model").exists()  # its checkpoints have been deleted


def test_other_data_or_settings_get_a_separate_folder_of_models(project: Path) -> None:
    valid = settings_of(project)
    usual = key_of(project, valid)
    training = valid.tuned_model.training.model_copy(update={"epochs": 2.0})
    other = valid.model_copy(update={"tuned_model": valid.tuned_model.model_copy(update={"training": training})})
    assert key_of(project, other) != usual


def test_answers_to_other_questions_get_a_separate_folder(project: Path) -> None:
    valid = settings_of(project)
    of_models, usual = key_of(project, valid), answers_key_of(project, valid)
    cooler = valid.model_copy(update={"decoding": valid.decoding.model_copy(update={"temperature": 0.1})})
    assert answers_key_of(project, cooler) != usual and key_of(project, cooler) == of_models
    (project / "more.jsonl").write_text('{"prompt": "Why?"}')
    more = with_questions(valid, [Questions(name="more", path=str(project / "more.jsonl"))])
    assert answers_key_of(project, more) != usual
    with (project / "data/sample/eval_prompts.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"prompt": "Another question?"}\n')
    assert answers_key_of(project, valid) != usual and key_of(project, valid) == of_models


def test_an_unfinished_project_is_skipped_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(SkippedError, match="seed_pairs is missing; run `make run` first, or name a finished project"):
        settings_of(tmp_path)


def test_environment_variables_choose_projects_and_seeds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PROJECT", raising=False)
    monkeypatch.delenv("SEEDS", raising=False)
    assert projects() == [ROOT] and number_of_seeds() == 5
    monkeypatch.setenv("PROJECT", f"{tmp_path}:{tmp_path / 'other'}")
    assert projects() == [tmp_path, tmp_path / "other"]
    monkeypatch.setenv("SEEDS", "1")
    with pytest.raises(SettingsError, match="SEEDS: '1' is not a number of seeds"):
        number_of_seeds()


def test_rows_are_named_by_the_base_model(settings: Settings) -> None:
    assert model_name(settings) == "embedded model"
    base = settings.base_model.model_copy(update={"checkpoint": "data/real/gemma-3.gguf"})
    assert model_name(settings.model_copy(update={"base_model": base})) == "gemma-3"


def test_the_interval_over_seeds_is_that_of_students_t() -> None:
    # The mean is 2, the standard error is 1/√3, and the quantile of t with two degrees of freedom is 4.303.
    interval = over_seeds(np.array([1.0, 2.0, 3.0]))
    assert interval is not None
    assert interval.low == pytest.approx(2 - 4.303 / 3**0.5, abs=1e-3)
    assert interval.high == pytest.approx(2 + 4.303 / 3**0.5, abs=1e-3)
    same = over_seeds(np.array([0.5, 0.5]))
    assert same is not None and (same.low, same.high) == (0.5, 0.5)
    assert over_seeds(np.array([1.0])) is None


def observed(*values: float) -> Observed:
    return mean_of([str(number) for number in range(len(values))], list(values))


def by_seed(measure: str) -> Compared:
    """A measure with two seeds and two questions.

    The tuned model is best with the first seed, and the seed-only model with the second.
    """
    models = ([observed(1, 1), observed(0, 1)], [observed(0, 1), observed(1, 1)], [observed(0, 0), observed(0, 0)])
    return Compared(measure, dict(zip(ORDER, models, strict=True)))


def test_the_direction_of_the_measure_decides_the_order_for_each_seed() -> None:
    assert by_seed("language_share").in_order().tolist() == [True, False]
    assert by_seed("held_out_loss").in_order().tolist() == [False, False]
    assert by_seed("held_out_loss").improvements("seed_only", "tuned").tolist() == [0.5, -0.5]


def test_languages_are_pooled_by_question() -> None:
    one = by_seed("language_share")
    three = [observed(*values) for values in ((1, 1, 1), (1, 1, 0), (0, 0, 1))]
    other = Compared("language_share", {model: [values, values] for model, values in zip(ORDER, three, strict=True)})
    both = pooled([one, other])
    assert both.figures("tuned").tolist() == [1, pytest.approx(0.8)]
    assert both.figures("seed_only").tolist() == [pytest.approx(0.6), pytest.approx(0.8)]
    assert both.figures("base").tolist() == [pytest.approx(0.2), pytest.approx(0.2)]
    assert len(set(both.by_model["base"][0].questions)) == 5
    assert both.in_order().tolist() == [True, False]


def test_questions_are_resampled_with_their_means_over_the_seeds() -> None:
    interval = by_seed("language_share").over_questions("tuned", "seed_only", 100, 1)
    # Both models have the same mean for each question, so every draw of questions gives the difference zero.
    assert (interval.low, interval.high) == (0.0, 0.0)
    interval = by_seed("language_share").over_questions("tuned", "base", 100, 1)
    assert (interval.low, interval.high) == (0.5, 1.0)


def test_rows_have_both_intervals_and_the_number_of_seeds_with_the_right_order() -> None:
    rows = {row.case: row for row in rows_of("fi", [by_seed("language_share"), by_seed("held_out_loss")], 100, 1)}
    share = rows["fi, language_share, tuned"]
    assert (share.ours, share.peer, share.unit) == (0.75, 0.75, "share")
    assert share.note == (
        "seed_only; difference +0.000; 95 % intervals: -6.353 to +6.353 over seeds (t), +0.000 to +0.000 over 2 "
        "questions (bootstrap); better in 1 of 2 seeds"
    )
    order = rows["fi, language_share and held_out_loss in order"]
    assert (order.ours, order.peer, order.note) == (0.0, 2.0, "all; language_share 1, held_out_loss 0")


def test_a_measure_that_a_model_lacks_is_an_error() -> None:
    answered = Answered(pl.DataFrame(), None)
    with pytest.raises(ValueError, match="held_out_loss of tuned cannot be measured"):
        compared("held_out_loss", [dict.fromkeys(ORDER, answered)])


def test_the_benchmark_runs_every_named_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROJECT", f"{tmp_path / 'one'}:{tmp_path / 'two'}")
    monkeypatch.setattr(seeds, "rows_of_project", lambda project, cache, number: [project.name])
    assert seeds.run() == ["one", "two"]
