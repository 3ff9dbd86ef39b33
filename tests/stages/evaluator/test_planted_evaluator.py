"""An evaluator learns in seconds to recognize surface defects in artificial languages, also on unseen topics.

The benchmark `planted_world` measures whether an evaluator also recognizes responses to other instructions.
"""

from __future__ import annotations

import random

import polars as pl
import pytest

from stages.base_model.embedded import new_model, train_tokenizer
from stages.base_model.settings import Architecture
from stages.evaluator.defects import cut_off, wrong_language
from stages.evaluator.held_out import to_frame
from stages.evaluator.measures import area_under_curve
from stages.evaluator.rating_set import RatedPair, training_set
from stages.evaluator.settings import Defects
from stages.evaluator.stage import learn
from stages.params import Settings
from tests.benchmarks.artificial_world import World, write_world
from tests.conftest import TRAINING
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.language.names import load_names
from x_instruction.models.checkpoints import save_model
from x_instruction.pairs.training_pairs import Pair
from x_instruction.rating.calibration import Calibration
from x_instruction.rating.rate import add_ratings
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job

WORLD = World(concepts=10, families=3, languages=2)
SMALL = Architecture(vocabulary=600, hidden=64, layers=2, heads=2, intermediate=128, context=256)
DEFECTS = {"cut": 1.0, "wrong_language": 1.0}


def pairs(*, held_out: bool) -> list[Pair]:
    """Pairs whose response is a single sentence on their topic. Every fifth topic is held out."""
    found = []
    for tongue in WORLD.tongues:
        for number, topic in enumerate(WORLD.topics):
            if (number % 5 == 0) is held_out:
                sentences = WORLD.response(topic, tongue, random.Random(number))
                found += [
                    Pair(f"{tongue.code}{number}.{place}", tongue.code, topic.instruction(place % 2), sentence, "")
                    for place, sentence in enumerate(sentences)
                ]
    return found


def held_out_pairs() -> list[RatedPair]:
    """Each held-out sentence in three forms: unchanged, cut off, and in a wrong language."""
    unseen, choose = pairs(held_out=True), random.Random(1)
    rated = [RatedPair(pair, pair.response, "best", "none") for pair in unseen]
    rated += [RatedPair(pair, cut_off(pair.response, choose), "flawed", "cut") for pair in unseen]
    for pair in unseen:
        other = wrong_language(pair, unseen, choose)
        assert other is not None
        rated.append(RatedPair(pair, other, "worst", "wrong_language"))
    return rated


def changed(settings: Settings) -> Settings:
    weights = {**dict.fromkeys(settings.evaluator.defects.model_dump(), 0.0), **DEFECTS}
    learning = {
        "loss_over": "labels",
        "batches": "in_order",
        "rated_pairs": 6000,
        "defects": Defects(**weights),
        "training": TRAINING.model_copy(update={"learning_rate": 0.003, "batch_size": 32, "max_tokens": 128}),
    }
    sections = {
        "evaluator": settings.evaluator.model_copy(update=learning),
        "rating": settings.rating.model_copy(update={"labels": ["A", "B", "C"]}),
    }
    return settings.model_copy(update=sections)


@pytest.fixture(scope="module")
def rated(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The held-out pairs with the ratings of an evaluator that started from an untrained model."""
    folder = tmp_path_factory.mktemp("planted_evaluator")
    write_world(WORLD, folder / "world", folder / "languages")
    seen, settings = pairs(held_out=False), changed(settings)
    tokenizer = train_tokenizer([f"{pair.instruction} {pair.response}" for pair in seen], SMALL)
    save_model(new_model(SMALL, tokenizer, seed=3), tokenizer, folder / "start")
    write_json(folder / "start" / "manifest.json", {"content": "of the start model"})
    job = Job("evaluator", None, "iteration_1", settings, folder, folder / "evaluator", folder / "work", "code")
    learn(job, folder / "start", training_set(seen, {}, settings.evaluator, 1, job.language_pages), job.staging)
    names = load_names(job.language_pages)
    with LazyEngine(job.staging, settings.text_generation, settings.seed) as engine:
        return add_ratings(to_frame(held_out_pairs()), engine, Calibration(), settings.rating, settings.prompts, names)


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_evaluator_recognizes_the_defect(rated: pl.DataFrame, defect: str) -> None:
    ratings = {kind: rated.filter(pl.col("defect") == kind)["rating"] for kind in ("none", defect)}
    auc = area_under_curve(ratings["none"], ratings[defect])
    assert auc is not None and auc > 0.95
