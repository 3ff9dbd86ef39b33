"""The checks on an evaluator can fail: they notice an evaluator that learned best and worst the wrong way round."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from stages.evaluator.held_out import measure_held_out
from stages.evaluator.rating_set import RatedPair, calibration_set, held_out_set, training_set
from stages.evaluator.settings import Defects
from stages.evaluator.stage import gate_metrics, learn
from stages.params import Settings
from tests.conftest import ROOT, TRAINING
from x_instruction.models.measures import model_facts
from x_instruction.pairs.stop_rule import decide
from x_instruction.pairs.training_pairs import Pair
from x_instruction.rating.calibration import read_calibration
from x_instruction.runner.errors import InputError
from x_instruction.runner.files import write_json
from x_instruction.runner.gate import judge, load_suite
from x_instruction.runner.great_expectations import Validator
from x_instruction.runner.job import Job

# Nearly all pairs are in one language, and the other language has other letters, so an evaluator learns in seconds to
# recognize a wrong language.
WORDS = {"fi": "talo kala pala sana", "ur": "yhdx mxnz kzlx nxzy"}
PAGES = ROOT / "languages"
DEFECTS = dict.fromkeys(("repeated", "partly_foreign", "strays", "swapped", "boilerplate", "drift"), 0.0)
DEFECTS |= {"cut": 0.05, "model_answer": 1.0, "wrong_language": 1.0}
OTHER_LEVEL = {"best": "worst", "flawed": "flawed", "worst": "best"}


def pairs(language: str, numbers: range) -> list[Pair]:
    return [
        Pair(f"{language}{number}", language, f"Say {number}", f"{number} {WORDS[language]}", "") for number in numbers
    ]


SEEN = [*pairs("fi", range(30)), *pairs("ur", range(1))]
TO_FIT = [*pairs("fi", range(60, 75)), *pairs("ur", range(60, 61))]
UNSEEN = [*pairs("fi", range(30, 50)), *pairs("ur", range(30, 31))]


def changed(settings: Settings) -> Settings:
    """The settings for the languages of WORDS and for a model whose tokens are bytes."""
    training = TRAINING.model_copy(update={"max_tokens": 128})
    learning = {"rated_pairs": 372, "training": training, "defects": Defects(**DEFECTS)}
    judging = {"labels": ["A", "B", "C"], "signals": ("part_likelihood", "open_end")}
    sections = {
        "evaluator": settings.evaluator.model_copy(update=learning),
        "rating": settings.rating.model_copy(update=judging),
    }
    return settings.model_copy(update={**sections, "languages": list(WORDS)})


def job_in(root: Path, settings: Settings, tiny_model: Path) -> Job:
    """A job in a project with the language pages and with the tiny model as its instruction model."""
    (root / "data").mkdir()
    (root / "data" / "instruction_model").symlink_to(tiny_model)
    (root / "languages").symlink_to(PAGES)
    return Job("evaluator", None, "iteration_1", changed(settings), root, root / "evaluator", root / "work", "code")


def swapped(rated: list[RatedPair]) -> list[RatedPair]:
    return [replace(item, level=OTHER_LEVEL[item.level]) for item in rated]


@dataclass(frozen=True)
class Outcome:
    """An evaluator's results.

    `failures` has the metrics that fail critical expectations, and `warnings` those that fail other expectations.
    """

    figures: dict[str, Any]
    folder: Path
    failures: list[str]
    warnings: list[str]


@pytest.fixture(scope="module")
def outcomes(settings: Settings, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """The results of three evaluators. `true` was trained and calibrated on the true levels.

    `swapped` was trained and calibrated on pairs whose levels best and worst were swapped. `swapped_model` was trained
    on pairs with swapped levels, but calibrated on the true levels.
    """
    answers = {pair.id: f"{pair.id} ...." for pair in SEEN}
    rated = training_set(SEEN, answers, changed(settings).evaluator, 1, PAGES)
    suite = load_suite(ROOT / "stages" / "evaluator" / "expectations.yaml", changed(settings))
    to_fit, found = calibration_set(TO_FIT, 1, PAGES), {}
    sets = {
        "true": (rated, to_fit),
        "swapped": (swapped(rated), swapped(to_fit)),
        "swapped_model": (swapped(rated), to_fit),
    }
    for name, (learned, fitted) in sets.items():
        job = job_in(tmp_path_factory.mktemp(name), settings, tiny_model)
        start = Path(shutil.copytree(tiny_model, job.root / "start"))
        write_json(start / "manifest.json", {"content": "of the start model"})
        learn(job, start, learned, job.staging)
        figures = measure_held_out(job, job.staging, held_out_set(UNSEEN, 1, PAGES), fitted)
        metrics = {**model_facts(job.staging), **gate_metrics(figures)}
        with Validator() as validator:
            report = judge("evaluator", name, suite, metrics, validator.validate)
        failures, warnings = (
            [verdict.metric for verdict in verdicts] for verdicts in (report.failures, report.warnings)
        )
        found[name] = Outcome(figures, job.staging, failures, warnings)
    return found


def auc_of_wrong_language(outcome: Outcome) -> float:
    return float(outcome.figures["auc_by_defect"]["wrong_language"])


def test_the_auc_falls_below_chance(outcomes: dict[str, Outcome]) -> None:
    assert auc_of_wrong_language(outcomes["true"]) > 0.85
    assert auc_of_wrong_language(outcomes["swapped"]) < 0.15


def test_the_stop_rule_fires(outcomes: dict[str, Outcome]) -> None:
    precisions = {
        "iteration_1": outcomes["true"].figures["precision"],
        "iteration_2": outcomes["swapped"].figures["precision"],
    }
    decision = decide(precisions, 0.02)
    assert decision.iteration == "iteration_1" and "held-out precision fell" in decision.why


def test_the_gate_fails(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["true"].failures == []
    assert outcomes["swapped"].failures == ["auc", "auc_labels"]


def test_the_labels_alone_show_swapped_levels_whatever_the_calibration(outcomes: dict[str, Outcome]) -> None:
    labels = {name: outcome.figures["labels_alone"]["auc"] for name, outcome in outcomes.items()}
    assert labels["swapped_model"] == labels["swapped"] < 0.2 < 0.8 < labels["true"]
    # The calibration of `swapped_model` used true levels and reverses its ratings, so their AUC stays above 0.5.
    assert outcomes["swapped_model"].figures["auc"] > 0.5
    assert outcomes["swapped_model"].failures == ["auc_labels"]


def test_each_figure_that_falls_causes_a_warning(outcomes: dict[str, Outcome]) -> None:
    fallen = {"least_auc_of_a_language", "expected_calibration_error", "recall"}
    assert fallen <= set(outcomes["swapped"].warnings)
    assert not fallen & set(outcomes["true"].warnings)


def test_there_is_a_warning_if_the_calibrated_ratings_are_worse_than_the_labels_alone(
    outcomes: dict[str, Outcome],
) -> None:
    # The calibration makes the ratings worse here: it was fitted on 16 seeds, and the training set had only two of the
    # seven measured defects.
    figures = outcomes["true"].figures
    assert figures["auc"] < figures["labels_alone"]["auc"] and "auc_gained" in outcomes["true"].warnings


def test_the_figures_are_also_given_by_language(outcomes: dict[str, Outcome]) -> None:
    by_language = outcomes["true"].figures["by_language"]
    assert set(by_language) == set(WORDS)
    assert {"precision", "recall", "confusion", "by_level", "expected_calibration_error"} <= set(by_language["fi"])


def test_the_plot_compares_the_auc_of_the_rating_and_of_the_labels_alone(outcomes: dict[str, Outcome]) -> None:
    plot = pl.read_csv(outcomes["true"].folder / "plots" / "auc_by_defect.csv")
    shown = dict(plot.filter(pl.col("defect") == "wrong_language").select("series", "auc").iter_rows())
    labels = outcomes["true"].figures["labels_alone"]["auc_by_defect"]["wrong_language"]
    expected = (auc_of_wrong_language(outcomes["true"]), labels)
    assert set(shown) == {"all", "labels alone", *WORDS}
    assert (shown["all"], shown["labels alone"]) == pytest.approx(expected, abs=1e-4)


def test_dvc_yaml_lists_every_plot(outcomes: dict[str, Outcome]) -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    drawn = [Path(path).name for entry in stages["evaluator"]["do"]["plots"] for path in entry]
    assert {path.name for path in (outcomes["true"].folder / "plots").iterdir()} == set(drawn)


def test_two_equal_runs_write_the_same_bytes(settings: Settings, tiny_model: Path, tmp_path: Path) -> None:
    job = job_in(tmp_path, settings, tiny_model)
    written = []
    for _ in range(2):
        shutil.copytree(tiny_model, job.staging, dirs_exist_ok=True)
        measure_held_out(job, job.staging, held_out_set(UNSEEN, 1, PAGES), calibration_set(TO_FIT, 1, PAGES))
        files = ("scores.json", "calibration.json", "plots/reliability.csv", "plots/auc_by_defect.csv")
        written.append([(job.staging / name).read_bytes() for name in files])
    assert written[0] == written[1]
    assert read_calibration(job.staging).regression is not None


def test_likelihoods_of_an_instruction_that_any_text_answers_are_not_used(
    settings: Settings, tiny_model: Path, tmp_path: Path
) -> None:
    job = job_in(tmp_path, settings, tiny_model)
    open_one = UNSEEN[0].instruction
    evaluator = job.settings.evaluator.model_copy(update={"open_instructions": (open_one,)})
    job = replace(job, settings=job.settings.model_copy(update={"evaluator": evaluator}))
    shutil.copytree(tiny_model, job.staging)
    measure_held_out(job, job.staging, held_out_set(UNSEEN[:2], 1, PAGES), calibration_set(TO_FIT, 1, PAGES))
    rated = pl.read_parquet(job.staging / "held_out.parquet")
    of_open = rated.filter(pl.col("instruction") == open_one)
    assert of_open["likelihood"].is_null().all() and of_open["rating"].is_finite().all() and of_open.height > 1
    assert rated.filter(pl.col("instruction") != open_one)["likelihood"].is_finite().all()


def test_the_figures_say_whether_a_calibration_was_fitted(
    settings: Settings, tiny_model: Path, tmp_path: Path, outcomes: dict[str, Outcome]
) -> None:
    job = job_in(tmp_path, settings, tiny_model)
    shutil.copytree(tiny_model, job.staging)
    found = measure_held_out(job, job.staging, held_out_set(UNSEEN[:2], 1, PAGES), [])
    assert (found["calibrated"], read_calibration(job.staging).regression) == (0, None)
    assert outcomes["true"].figures["calibrated"] == 1


def test_without_held_out_seeds_an_error_names_the_setting(
    settings: Settings, tiny_model: Path, tmp_path: Path
) -> None:
    job = job_in(tmp_path, settings, tiny_model)
    with pytest.raises(InputError, match="raise seed_pairs"):
        measure_held_out(job, job.staging, [], calibration_set(TO_FIT, 1, PAGES))
