"""The checks on an evaluator can fail: with best and worst swapped in what it learns, all of them say so."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dvc_project.generated_lines import PLOTS
from stages.evaluator.held_out import measure_held_out
from stages.evaluator.rating_set import RatedPair, calibration_set, held_out_set, training_set
from stages.evaluator.settings import Defects
from stages.evaluator.stage import judged_figures, learn
from stages.params import Settings
from tests.conftest import ROOT, TRAINING
from x_instruction.models.measures import model_facts
from x_instruction.pairs.stop_rule import decided
from x_instruction.pairs.training_pairs import Pair
from x_instruction.rating.calibration import calibration_of
from x_instruction.runner.gate import load_suite
from x_instruction.runner.great_expectations import Validator

# Nearly all pairs are in one language, the wrong one has letters of its own: that an evaluator learns in seconds.
# With as many pairs in either it must compare the language asked for with the one met, and AUC was 0.72.
WORDS = {"fi": "talo kala pala sana", "ur": "yhdx mxnz kzlx nxzy"}
DEFECTS = dict.fromkeys(("repeated", "partly_foreign", "strays", "swapped", "boilerplate", "drift"), 0.0)
DEFECTS |= {"cut": 0.05, "model_answer": 1.0, "wrong_language": 1.0}
OTHERS = {"best": "worst", "flawed": "flawed", "worst": "best"}


def pairs(language: str, numbers: range) -> list[Pair]:
    return [
        Pair(f"{language}{number}", language, f"Say {number}", f"{number} {WORDS[language]}", "") for number in numbers
    ]


SEEN = [*pairs("fi", range(30)), *pairs("ur", range(1))]
TO_FIT = [*pairs("fi", range(60, 75)), *pairs("ur", range(60, 61))]
UNSEEN = [*pairs("fi", range(30, 50)), *pairs("ur", range(30, 31))]


def small(settings: Settings) -> Settings:
    """The settings for these languages and for a model whose tokens are bytes."""
    training = TRAINING.model_copy(update={"max_tokens": 128})
    changed = {"labels": ["A", "B", "C"], "signs": ("part_likelihood", "open_end"), "rated_pairs": 372}
    own = settings.evaluator.model_copy(update={**changed, "training": training, "defects": Defects(**DEFECTS)})
    return settings.model_copy(update={"evaluator": own, "languages": list(WORDS)})


@dataclass(frozen=True)
class Outcome:
    figures: dict[str, Any]
    folder: Path
    gate: list[str]  # critical expectations that were not met
    warnings: list[str]


@pytest.fixture(scope="module")
def outcomes(settings: Settings, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """The same evaluator from the levels as they are, and with best and worst swapped: in all that is fitted, or in
    what the model learns alone, while its ratings are calibrated on the true levels."""
    settings = small(settings)
    rated = training_set(SEEN, {pair.id: f"{pair.id} ...." for pair in SEEN}, settings.evaluator, seed=1)
    suite = load_suite(ROOT / "stages" / "expectations" / "evaluator.yaml", settings)
    to_fit, found = calibration_set(TO_FIT, seed=1), {}
    sets = {
        "true": (rated, to_fit),
        "swapped": (swapped(rated), swapped(to_fit)),
        "swapped_model": (swapped(rated), to_fit),
    }
    for name, (learned, fitted) in sets.items():
        folder = tmp_path_factory.mktemp(name)
        learn(tiny_model, learned, folder, settings)
        figures = measure_held_out(folder, held_out_set(UNSEEN, seed=1), fitted, settings, tiny_model)
        with Validator() as judge:
            report = judge.report("evaluator", name, suite, {**model_facts(folder), **judged_figures(figures)})
        failed = ([verdict.metric for verdict in verdicts] for verdicts in (report.failures, report.warnings))
        found[name] = Outcome(figures, folder, *failed)
    return found


def swapped(rated: list[RatedPair]) -> list[RatedPair]:
    return [replace(one, level=OTHERS[one.level]) for one in rated]


def wrong_language(outcome: Outcome) -> float:
    return float(outcome.figures["auc_by_defect"]["wrong_language"])


def test_the_figures_collapse(outcomes: dict[str, Outcome]) -> None:
    assert wrong_language(outcomes["true"]) > 0.85
    assert wrong_language(outcomes["swapped"]) < 0.15


def test_the_stop_rule_fires(outcomes: dict[str, Outcome]) -> None:
    precisions = {
        "iteration_1": outcomes["true"].figures["precision"],
        "iteration_2": outcomes["swapped"].figures["precision"],
    }
    taken = decided(precisions, 0.02)
    assert taken.iteration == "iteration_1" and "held-out precision fell" in taken.why


def test_the_gate_closes(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["true"].gate == []
    assert outcomes["swapped"].gate == ["auc", "auc_labels"]


def test_a_model_that_learned_the_swapped_levels_is_told_whatever_its_ratings_are_calibrated_to(
    outcomes: dict[str, Outcome],
) -> None:
    alone = {name: one.figures["labels_alone"]["auc"] for name, one in outcomes.items()}
    assert alone["swapped_model"] == alone["swapped"] < 0.2 < 0.8 < alone["true"]
    # Its ratings are turned round by what they are calibrated to, so that of them no figure collapses.
    assert outcomes["swapped_model"].figures["auc"] > 0.5
    assert outcomes["swapped_model"].gate == ["auc_labels"]


def test_each_figure_that_collapses_has_a_warning_of_its_own(outcomes: dict[str, Outcome]) -> None:
    collapsed = {"least_auc_of_a_language", "expected_calibration_error", "recall"}
    assert collapsed <= set(outcomes["swapped"].warnings)
    assert not collapsed & set(outcomes["true"].warnings)


def test_a_fit_that_tells_less_than_the_labels_alone_is_warned_of(outcomes: dict[str, Outcome]) -> None:
    # Of 16 seeds, and with most of what is measured not among what is taught, it does harm here.
    figures = outcomes["true"].figures
    assert figures["auc"] < figures["labels_alone"]["auc"] and "auc_gained" in outcomes["true"].warnings


def test_what_is_measured_lies_beside_the_model(outcomes: dict[str, Outcome]) -> None:
    figures = outcomes["true"].figures
    assert set(figures["by_language"]) == set(WORDS)
    assert {"precision", "recall", "confusion", "by_level", "expected_calibration_error"} <= set(
        figures["by_language"]["fi"]
    )


def test_the_plot_shows_what_the_labels_tell_alone_beside_what_the_rating_tells(outcomes: dict[str, Outcome]) -> None:
    found = pl.read_csv(outcomes["true"].folder / "plots" / "auc_by_defect.csv")
    shown = dict(found.filter(pl.col("defect") == "wrong_language").select("series", "auc").iter_rows())
    alone = outcomes["true"].figures["labels_alone"]["auc_by_defect"]["wrong_language"]
    assert set(shown) == {"all", "labels alone", *WORDS}
    assert (shown["all"], shown["labels alone"]) == pytest.approx((wrong_language(outcomes["true"]), alone), abs=1e-4)


def test_every_plot_that_is_written_is_drawn_by_dvc_too(outcomes: dict[str, Outcome]) -> None:
    assert {path.stem for path in (outcomes["true"].folder / "plots").iterdir()} == set(PLOTS["evaluator"])


def test_the_same_figures_are_the_same_bytes(
    settings: Settings, tiny_model: Path, tmp_path: Path, outcomes: dict[str, Outcome]
) -> None:
    own = small(settings)
    written = []
    for _ in range(2):
        folder = tmp_path / "evaluator"
        folder.mkdir(exist_ok=True)
        for file in tiny_model.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        measure_held_out(folder, held_out_set(UNSEEN, seed=1), calibration_set(TO_FIT, seed=1), own, tiny_model)
        files = ("scores.json", "calibration.json", "plots/reliability.csv", "plots/auc_by_defect.csv")
        written.append([(folder / name).read_bytes() for name in files])
    assert written[0] == written[1]
    assert calibration_of(folder).weights is not None


def test_ratings_that_nothing_was_fitted_on_are_said_to_be_so(
    settings: Settings, tiny_model: Path, tmp_path: Path, outcomes: dict[str, Outcome]
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "evaluator")
    found = measure_held_out(folder, held_out_set(UNSEEN[:2], seed=1), [], small(settings), tiny_model)
    assert (found["calibrated"], calibration_of(folder).weights) == (0, None)
    assert outcomes["true"].figures["calibrated"] == 1
