"""The benchmark planted_defects has a valid project and measures only pairs that were not learned."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from stages.params import Settings, load_settings, validated
from stages.seed_pairs.seed_files import OF_LINE, OF_TRANSLATION
from stages.seed_pairs.stage import transform
from tests.benchmarks import planted_defects
from tests.benchmarks.planted_defects import (
    INSTRUCTION,
    LANGUAGES,
    PAGES,
    SURFACE,
    collected,
    documents,
    make_project,
    measured,
)
from tests.benchmarks.project_copy import merged
from tests.benchmarks.real_documents import Excerpts
from tests.conftest import ROOT
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.similarity import Similarity
from x_instruction.embeddings.vectors import add_vectors
from x_instruction.language.settings import load_language
from x_instruction.pages.main_text import extract_page
from x_instruction.rating.calibration import Calibration

TEXTS = [
    f"Joen rannalla on {number} venettä, ja niitä soudetaan kesäisin ahkerasti. Talvella ne nostetaan ylös maalle, "
    f"käännetään ja peitetään. Keväällä {number} ihmistä tulee niitä tervaamaan."
    for number in range(4)
]
FOUND = {"fi": Excerpts({"measured": TEXTS[:2], "choosing": [], "learned": TEXTS[2:], "other_site": []})}


def changed(collection: bool) -> Settings:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return validated(merged(params, planted_defects.settings(collection)), ROOT / "params.yaml")


@pytest.mark.parametrize("collection", [True, False])
def test_the_settings_are_valid_and_teach_every_surface_defect(collection: bool) -> None:
    weights = changed(collection).evaluator.defects.model_dump()
    assert all(weights[defect] for defect in SURFACE)


def test_the_instruction_of_all_excerpts_is_in_the_train_split(settings: Settings) -> None:
    rows = pl.DataFrame({"instruction": [INSTRUCTION], "response": TEXTS[:1]}).with_columns(
        pl.lit("native").alias("origin"),
        *(pl.lit("").alias(name) for name in ("translator", "source", *OF_TRANSLATION, *OF_LINE)),
        measure_only=pl.lit(False),
    )
    kept = transform(rows, settings.seed_pairs, load_language("fi", ROOT / "languages")).kept
    assert kept["split"].to_list() == ["train"]


def test_the_project_has_the_learned_excerpts_as_seeds_and_as_pages(tmp_path: Path) -> None:
    make_project(tmp_path, FOUND)
    sources = load_settings(tmp_path / "params.yaml").seed_pairs.sources
    folders = [tmp_path / source.folder for source in sources]
    assert folders[0].joinpath("fi.jsonl").exists()
    assert pl.read_ndjson(folders[1] / "fi.jsonl").rows() == [(INSTRUCTION, text) for text in TEXTS[2:]]
    page = (tmp_path / PAGES / "fi" / "real00000.html").read_text(encoding="utf-8")
    assert extract_page(page).text.split("\n") == TEXTS[2:]
    assert len(list((tmp_path / PAGES / "fi").iterdir())) > 1  # the other pages are the sample's


def test_without_the_collection_only_the_sample_is_used_and_a_message_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XI_SHARED_DATA", str(tmp_path / "nothing"))
    found = collected()
    assert "learns from the sample alone" in capsys.readouterr().out
    make_project(tmp_path, found)
    assert len(load_settings(tmp_path / "params.yaml").seed_pairs.sources) == 1
    assert {folder.name for folder in (tmp_path / PAGES).iterdir()} == {"en", *LANGUAGES}


def test_each_possible_defect_has_a_row_with_its_bound_and_note(
    tiny_model: Path, settings: Settings, tmp_path: Path
) -> None:
    evaluator = shutil.copytree(tiny_model, tmp_path / "evaluator")
    Calibration().write(evaluator)
    # The model's tokens are bytes, and its context has 256 tokens.
    rating = settings.rating.model_copy(update={"labels": ["A", "B", "C"], "max_response_tokens": 144})
    changed = settings.model_copy(update={"rating": rating})
    pairs = documents(FOUND, "measured", changed)
    frame = pl.DataFrame({"language": "fi", "instruction": "Describe boats.", "response": TEXTS[:1]})
    encoder = LazyEncoder(settings.embeddings, ROOT)
    Similarity.fit(add_vectors(frame, encoder, ROOT / "languages")).write(evaluator)
    rows = measured("real text", pairs, evaluator, changed, ROOT / "languages")
    # With one language and one open instruction, no pair can have the other defects, such as wrong_language.
    assert [row.case for row in rows] == ["real text: boilerplate", "real text: cut", "real text: repeated"]
    assert all(0 <= row.ours <= 1 and row.peer == 0.95 and row.note.startswith("at least") for row in rows)
