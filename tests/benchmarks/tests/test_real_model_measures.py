"""The figures of the benchmark real_model that need models, on a tiny project with an untrained model."""

from __future__ import annotations

import shutil
from math import log
from pathlib import Path

import polars as pl
import pytest

from stages.params import Settings
from tests.benchmarks.real_model_measures import MODELS, nearness, response_losses, unlearned_seeds, written_by
from tests.benchmarks.real_model_rows import answer_rows, likelihood_rows, nearness_rows
from tests.conftest import ROOT

SEEDS = [
    ("Describe a cat.", "Kissa on pieni eläin. Se nukkuu paljon."),
    ("How is bread baked?", "Leipä paistetaan uunissa. Taikina kohoaa ensin."),
    ("Why does it rain?", "Sade syntyy pilvissä. Vesi tiivistyy pisaroiksi."),
    ("Describe a train.", "Juna kulkee kiskoilla. Se on pitkä ja nopea."),
]


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Settings for one language, with which models read and write only a few tokens."""
    short = {"max_new_tokens": 4}
    return settings.model_copy(
        update={
            "languages": ["fi"],
            "candidate_pairs": settings.candidate_pairs.model_copy(update=short),
            "prompts": settings.prompts.model_copy(update={"max_response_tokens": 60}),
        }
    )


@pytest.fixture
def project(tmp_path: Path, tiny_model: Path) -> Path:
    """A finished project with seeds, candidate pairs and answers; the tiny model is used in place of every model."""
    (tmp_path / "languages").symlink_to(ROOT / "languages")
    for names in [*MODELS.values(), ("instruction_model",)]:
        shutil.copytree(tiny_model, tmp_path.joinpath("data", *names))
    splits = ["held_out", "held_out", "calibration", "train"]
    rows = [
        {"id": str(number), "language": "fi", "instruction": asked, "response": said, "split": splits[number]}
        for number, (asked, said) in enumerate(SEEDS)
    ]
    seeds = pl.DataFrame([*rows, {**rows[0], "id": "9", "language": "en", "split": "english"}])
    answered = {"kind": "held_out", "reference": "Kissa on eläin.", "in_language": True}
    answers = [{**row, **answered, "model": model} for row in rows for model in MODELS]
    for artifact, table in (
        ("seed_pairs", seeds),
        ("candidate_pairs", pl.DataFrame(rows)),
        ("eval_scores", pl.DataFrame(answers)),
    ):
        folder = tmp_path / "data" / artifact / "fi"
        folder.mkdir(parents=True)
        table.write_parquet(folder / "part-00000.parquet")
    return tmp_path


def test_only_held_out_seeds_that_are_not_english_are_measured(project: Path) -> None:
    assert [seed.id for seed in unlearned_seeds(project, "fi")] == ["0", "1", "2"]
    assert [seed.id for seed in unlearned_seeds(project, "fi", ["held_out"])] == ["0", "1"]


def test_each_text_gets_an_instruction_of_the_named_model(project: Path, small: Settings) -> None:
    texts = pl.DataFrame(SEEDS, schema=["instruction", "response"], orient="row").select(
        "response", language=pl.lit("fi")
    )
    written = written_by(project, small, "base_model", texts)
    assert written["response"].to_list() == texts["response"].to_list()
    assert written["instruction"].dtype == pl.String and written.equals(written_by(project, small, "base_model", texts))


def test_an_untrained_models_loss_is_the_logarithm_of_its_vocabulary(
    project: Path, small: Settings, tiny_model: Path
) -> None:
    measured = response_losses(project, small, ["base_model"])
    vocabulary = 261  # the tokens are the bytes and five special tokens
    assert measured.value == pytest.approx(log(vocabulary), abs=0.3)
    assert measured.interval.low <= measured.value <= measured.interval.high


def test_an_answer_is_nearer_to_its_own_question_than_to_another(project: Path, small: Settings) -> None:
    own = pl.DataFrame(SEEDS, schema=["instruction", "response"], orient="row").with_columns(
        language=pl.lit("fi"), in_language=True
    )
    other = own.with_columns(pl.col("response").reverse())
    near, far = (nearness(project, small, frame)["similarity"].mean() for frame in (own, other))
    assert isinstance(near, float) and isinstance(far, float) and near > far + 0.05
    other_language = nearness(project, small, own.with_columns(in_language=False))
    assert other_language["similarity"].to_list() == [0.0] * own.height


def test_the_rows_compare_models_and_corrections(project: Path, small: Settings) -> None:
    corrections = likelihood_rows(project, small)
    assert [row.peer for row in corrections] == [corrections[0].ours] * 3
    assert corrections[0].note == "nothing subtracted; 3 seeds"
    near = {row.case: row for row in nearness_rows(project, project, small)}
    assert near["instruction near its own text, fi"].ours > 0.8  # the pairs are good seeds
    answered = {row.case: row for row in answer_rows(project, project, small)}
    assert len(answered) == 4 and all(row.ours == row.peer for row in answered.values())
    assert answered["tuned model, answers in the asked language"].note.endswith("embedded model 1")
