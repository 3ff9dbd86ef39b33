"""The pairs for measuring evaluators are encoded once for all iterations, and mean vectors exclude held-out seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from stages.evaluator.vectors import with_vectors
from stages.params import Settings
from tests.conftest import ROOT
from x_instruction.embeddings.lazy_encoder import LazyEncoder
from x_instruction.embeddings.similarity import Similarity
from x_instruction.embeddings.vectors import VECTORS, Vectors
from x_instruction.runner.job import Job
from x_instruction.runner.shards import write_shard

SPLITS = ["train", "train", "calibration", "held_out", "english"]
ENCODED: list[str] = []


@pytest.fixture
def jobs(
    make_job: Callable[..., Job], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Job]:
    """The jobs of both iterations in a project with five Finnish seeds. Every encoded text is added to ENCODED."""
    seeds = pl.read_ndjson(ROOT / "data/sample/seeds/fi.jsonl").head(len(SPLITS))
    seeds = seeds.with_columns(id=pl.Series([f"{number}" for number in range(5)]), split=pl.Series(SPLITS))
    write_shard(seeds, tmp_path / "data/seed_pairs/fi/part-00000.parquet")
    (tmp_path / "data/seed_pairs/fi/manifest.json").write_text('{"rows": 5}')
    ENCODED.clear()
    encode = LazyEncoder.instructions

    def counted(encoder: LazyEncoder, texts: list[str]) -> Vectors:
        ENCODED.extend(texts)
        return encode(encoder, texts)

    monkeypatch.setattr(LazyEncoder, "instructions", counted)
    embeddings = settings.embeddings.model_copy(update={"mean_pairs": 2})
    return {
        name: make_job("evaluator", root=tmp_path, iteration=name, languages=["fi"], embeddings=embeddings)
        for name in ("iteration_1", "iteration_2")
    }


@pytest.fixture
def pairs() -> pl.DataFrame:
    held_out = pl.read_ndjson(ROOT / "data/sample/seeds/fi.jsonl")[3:4].select("instruction", "response")
    return held_out.with_columns(language=pl.lit("fi"), level=pl.lit("best"))


def test_the_second_iteration_uses_the_vectors_of_the_first(
    jobs: dict[str, Job], pairs: pl.DataFrame, tmp_path: Path
) -> None:
    first = with_vectors(pairs, jobs["iteration_1"], tmp_path / "first")
    count = len(ENCODED)
    assert with_vectors(pairs, jobs["iteration_2"], tmp_path / "second").equals(first)
    assert len(ENCODED) == count == 3
    assert first.columns == [*pairs.columns, *VECTORS]


def test_a_different_rating_set_is_encoded_again(jobs: dict[str, Job], pairs: pl.DataFrame, tmp_path: Path) -> None:
    with_vectors(pairs, jobs["iteration_1"], tmp_path / "first")
    count = len(ENCODED)
    with_vectors(pairs.with_columns(response=pl.lit("Muuta.")), jobs["iteration_1"], tmp_path / "second")
    assert len(ENCODED) == 2 * count


def test_the_means_come_from_calibration_seeds_or_else_from_train_seeds(
    jobs: dict[str, Job], pairs: pl.DataFrame, tmp_path: Path
) -> None:
    with_vectors(pairs, jobs["iteration_1"], tmp_path / "evaluator")
    seeds = pl.read_ndjson(ROOT / "data/sample/seeds/fi.jsonl")
    assert ENCODED[:2] == [seeds["instruction"][2], seeds["instruction"][0]]
    assert set(Similarity.read(tmp_path / "evaluator").means) == {"fi.instructions", "fi.responses"}
