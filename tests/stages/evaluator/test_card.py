"""The card of an evaluator has the measured figures, and code that computes the evaluator's label probabilities."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from stages.evaluator.card import FIGURES, SIGNALS
from stages.evaluator.held_out import measure_held_out
from stages.evaluator.rating_set import RatedPair, calibration_set, held_out_set, training_set
from stages.evaluator.stage import learn, write_card
from stages.params import Settings
from tests.stages.evaluator.test_swapped_levels_are_caught import PAGES, SEEN, TO_FIT, UNSEEN, job_in
from x_instruction.generation.lazy_engine import LazyEngine
from x_instruction.models.base_record import write_base
from x_instruction.rating.calibration import LEVELS, Calibration
from x_instruction.rating.rate import add_ratings
from x_instruction.rating.settings import Signal
from x_instruction.runner.files import read_json, write_json
from x_instruction.runner.job import Job

CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
INSTRUCTION, RESPONSE = "How is rye bread baked?", "The text to rate."


@dataclass(frozen=True)
class Made:
    job: Job
    rated: list[RatedPair]
    facts: dict[str, Any]
    write: Callable[[], str]
    """Writes the card again, and returns it."""


@pytest.fixture(scope="module")
def made(settings: Settings, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    job = job_in(tmp_path_factory.mktemp("card"), settings, tiny_model)
    start = Path(shutil.copytree(tiny_model, job.input("response_model", iteration="iteration_1")))
    source = job.root / "source"
    source.mkdir()
    (source / "LICENSE").write_text("Apache License\nVersion 2.0")
    write_base(start, "some/model", source, "c" * 40)
    write_json(start / "manifest.json", {"content": "of the response model"})
    rated = training_set(SEEN, {}, job.settings.evaluator, 1, PAGES)[:60]  # type: ignore[attr-defined]
    held_out = held_out_set(UNSEEN, 1, PAGES)
    facts = learn(job, start, rated, job.staging)
    measure_held_out(job, job.staging, held_out, calibration_set(TO_FIT, 1, PAGES))

    def write() -> str:
        write_card(job, rated, held_out, facts)
        return (job.staging / "README.md").read_text(encoding="utf-8")

    return Made(job, rated, facts, write)


def test_the_code_of_the_card_gives_the_label_probabilities_of_the_pipeline(made: Made, settings: Settings) -> None:
    job = made.job
    (code,) = CODE.findall(made.write())
    found: dict[str, Any] = {}
    exec(code.replace("<this folder>", str(job.staging)), found)
    assert (found["instruction"], found["response"]) == (INSTRUCTION, RESPONSE)
    pair = pl.DataFrame({"language": ["fi"], "instruction": [INSTRUCTION], "response": [RESPONSE]})
    names = {"fi": "Finnish"}
    engine_settings = settings.text_generation.model_copy(update={"backend": "transformers"})
    with LazyEngine(job.staging, engine_settings, 1) as engine:
        rated = add_ratings(pair, engine, Calibration(), job.settings.rating, settings.prompts, names)  # type: ignore[attr-defined]
    assert [found[level] for level in LEVELS] == pytest.approx(rated.select(LEVELS).row(0), abs=1e-5)


def test_the_card_says_what_the_evaluator_was_made_from(made: Made) -> None:
    text = made.write()
    values = yaml.safe_load(text.split("---")[1])
    assert (values["license"], values["base_model"]) == ("apache-2.0", "some/model")
    assert values["language"] == ["fi", "ur", "en"] and "pipeline_tag" not in values
    counts = Counter(pair.pair.language for pair in made.rated)
    best = sum(pair.level == "best" for pair in made.rated)
    for part in (
        "iteration 1", "Finnish (`fi`) and Urdu (`ur`)", "`of the response `", "fine-tuned from the `response_model`",
        f"60 rated pairs (`fi` {counts['fi']}, `ur` {counts['ur']})", f"| best | none | {best} |",
            "learning_rate 0.005", "'A' is best",
        "best 1, flawed 0.2, worst 0", f"The training took {made.facts['steps']} steps.",
        "say that the weights were changed",
        "made from 20 instructions",
    ):  # fmt: skip
        assert part in text, part
    assert (made.job.staging / "LICENSE").read_text().startswith("Apache License")


def test_the_figures_of_the_card_are_those_that_were_measured(made: Made) -> None:
    text, scores = made.write(), read_json(made.job.staging / "scores.json")
    for name, meaning in FIGURES.items():
        assert f"| {meaning.format(threshold=scores['threshold'])} | {scores[name]:.4g} |" in text
    assert f"| `ur` | {scores['by_language']['ur']['pairs']} |" in text
    assert f"| wrong_language | {scores['auc_by_defect']['wrong_language']:.4g} |" in text
    regression = read_json(made.job.staging / "calibration.json")["regression"]
    for signal, median in zip(regression["signals"], regression["medians"], strict=True):
        shown = -median if signal == "part_likelihood" else median
        assert f"| `{signal}` | {SIGNALS[signal]} | {shown:.4g} |" in text


@pytest.mark.parametrize(
    ("calibration", "sentence"),
    [(Calibration(), "are used as they are"), (Calibration(1.25), "divided by a temperature of 1.25")],
)
def test_a_calibration_without_signals_is_described(made: Made, calibration: Calibration, sentence: str) -> None:
    before = (made.job.staging / "calibration.json").read_bytes()
    calibration.write(made.job.staging)
    assert sentence in made.write()
    (made.job.staging / "calibration.json").write_bytes(before)


def test_the_card_is_the_same_each_time_and_holds_no_folder(made: Made) -> None:
    text = made.write()
    assert text == made.write() and str(made.job.root) not in text


def test_every_signal_of_the_settings_has_a_meaning() -> None:
    assert set(SIGNALS) == set(Signal.__args__)  # type: ignore[attr-defined]
