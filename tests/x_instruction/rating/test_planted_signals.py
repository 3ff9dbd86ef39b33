"""The surface signals recognize surface defects planted in the sample's seeds in ten languages, except cuts in Thai.

All label probabilities are 1/3. The calibration is fitted on the calibration seeds and measured on the held-out seeds.
The benchmark `planted_defects` measures a trained evaluator.
"""

from __future__ import annotations

import polars as pl
import pytest

from stages.evaluator.fitting import fit_calibration
from stages.evaluator.held_out import to_frame
from stages.evaluator.measures import SURFACE_DEFECTS, auc_by_defect
from stages.evaluator.rating_set import calibration_set, held_out_set
from stages.params import Settings
from stages.seed_pairs.seed_files import read_seeds
from stages.seed_pairs.stage import transform
from tests.conftest import ROOT
from x_instruction.language.names import load_names
from x_instruction.language.settings import load_language
from x_instruction.pairs.training_pairs import Pair
from x_instruction.rating.rate import with_rating
from x_instruction.rating.surface import SURFACE, add_surface_signals

PAGES = ROOT / "languages"
LANGUAGES = list(load_names(PAGES))
VALUES = [1.0, 0.2, 0.0]
DRAWS = 5  # each seed gets new defects this many times, since a language has only a dozen held-out seeds


def split_pairs(settings: Settings) -> dict[str, list[Pair]]:
    """Maps each split to the sample's seeds of all languages."""
    found: dict[str, list[Pair]] = {"train": [], "calibration": [], "held_out": []}
    for language in LANGUAGES:
        rows = read_seeds(ROOT, settings.seed_pairs.sources[0], language)
        kept = transform(rows, settings.seed_pairs, load_language(language, PAGES)).kept
        for split, *pair in kept.select("split", "id", "instruction", "response").iter_rows():
            identifier, instruction, response = pair
            found[split].append(Pair(identifier, language, instruction, response, ""))
    return found


def without_labels(frame: pl.DataFrame) -> pl.DataFrame:
    return add_surface_signals(frame, PAGES).with_columns(best=1 / 3, flawed=1 / 3, worst=1 / 3)


@pytest.fixture(scope="module")
def measured(settings: Settings) -> dict[str, dict[str, float | None]]:
    """Maps each language, and `all`, to the AUC of each defect."""
    pairs = split_pairs(settings)
    to_fit = without_labels(to_frame(calibration_set(pairs["calibration"], settings.seed, PAGES)))
    draws = [pair for seed in range(DRAWS) for pair in held_out_set(pairs["held_out"], seed, PAGES)]
    held_out = without_labels(to_frame(draws))
    calibration = fit_calibration(to_fit, SURFACE, settings.evaluator.defects.model_dump(), scaling=True)
    rated = with_rating(calibration.apply(held_out), VALUES)
    by_language = {language: rated.filter(pl.col("language") == language) for language in LANGUAGES}
    return {language: auc_by_defect(part) for language, part in {**by_language, "all": rated}.items()}


@pytest.mark.parametrize("defect", SURFACE_DEFECTS)
def test_surface_defects_are_recognized_in_every_language_that_marks_sentence_ends(
    measured: dict[str, dict[str, float]], defect: str
) -> None:
    figures = [measured[language][defect] for language in LANGUAGES if language != "th"]
    assert sum(figures) / len(figures) >= 0.95
    assert min(figures) > 0.9


@pytest.mark.parametrize("defect", SURFACE_DEFECTS)
def test_cuts_and_some_notices_are_not_recognized_in_thai(measured: dict[str, dict[str, float]], defect: str) -> None:
    if defect == "cut":
        assert measured["th"][defect] == 0.5
    else:
        # In a third of the texts with notices, only spaces separate the notices, as they separate Thai clauses.
        assert measured["th"][defect] > (0.8 if defect == "boilerplate" else 0.85)


@pytest.mark.parametrize("defect", ["swapped", "strays"])
def test_surface_signals_do_not_show_whether_a_response_answers_its_instruction(
    measured: dict[str, dict[str, float]], defect: str
) -> None:
    assert measured["all"][defect] == pytest.approx(0.5, abs=0.05)
