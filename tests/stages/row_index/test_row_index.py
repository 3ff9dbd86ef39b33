"""The index finds every row by its id, and counts the rows whose origin is missing."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stages.row_index import stage as row_index
from stages.row_index.index_files import IndexWriter, Place, RowIndex, is_id
from stages.row_index.stage import Seen
from tests.conftest import ROOT
from x_instruction.runner.content_ids import content_ids
from x_instruction.runner.errors import GateFailedError
from x_instruction.runner.files import write_json
from x_instruction.runner.job import Job
from x_instruction.runner.shards import DROP_SCHEMA, DROPS, write_shard
from x_instruction.runner.shell import run_stage

SUITE = ROOT / "stages/row_index/expectations.yaml"
LONG = "Leipä on ruokaa. " * 40  # longer than the part of a text that a dropped row keeps


def written(tmp_path: Path, rows: dict[str, list[str]]) -> RowIndex:
    (tmp_path / "index").mkdir()
    (tmp_path / "scratch").mkdir()
    writer = IndexWriter(tmp_path / "index", tmp_path / "scratch")
    for file, ids in rows.items():
        writer.add(file, pl.Series(ids, dtype=pl.String))
    writer.finish({})
    return RowIndex(tmp_path / "index")


def test_each_of_many_ids_is_found_at_its_rows(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1).integers(0, 2**63, 5_000, dtype=np.uint64) * np.uint64(2)
    ids = [f"{number:016x}" for number in numbers]
    index = written(tmp_path, {"a": ids, "b": ids[::-1]})
    for row in (0, 17, 4_999):
        assert index.places(ids[row]) == [Place("a", row), Place("b", 4_999 - row)]
    assert index.places("00000000deadbeef") == []


def test_the_smallest_and_the_largest_number_are_ids(tmp_path: Path) -> None:
    index = written(tmp_path, {"a": ["f" * 16, "0" * 16]})
    assert [index.places(digit * 16) for digit in "0f"] == [[Place("a", 1)], [Place("a", 0)]]


def test_an_index_without_rows_finds_nothing(tmp_path: Path) -> None:
    assert written(tmp_path, {}).places("0" * 16) == []


def test_ids_without_a_row_are_counted_without_all_ids_in_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    seen = Seen(tmp_path)
    for shard in range(40):
        numbers = np.random.default_rng(shard).integers(0, 2**63, 5_000, dtype=np.uint64) * np.uint64(2)
        ids = pl.Series([f"{number:016x}" for number in numbers])
        seen.add("text", ids[1:])
        seen.add("pairs_without_text", ids)
    missing, (_, peak) = seen.lacking("text", "pairs_without_text"), tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (missing, seen.lacking("pairs_without_text", "text")) == (40, 0)
    assert peak < 40 * 5_000 * 8  # the bytes of one of the two lists of ids


@pytest.mark.parametrize(("text", "known"), [("0123456789abcdef", True), ("0123456789ABCDEF", False), ("12", False)])
def test_an_id_has_sixteen_digits(text: str, known: bool) -> None:
    assert is_id(text) is known


def with_ids(rows: pl.DataFrame, *columns: str) -> pl.DataFrame:
    return rows.with_columns(content_ids(rows, *columns))


def no_rows(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema=DROP_SCHEMA if name == DROPS else {"id": pl.String})


@pytest.fixture
def job(make_job: Callable[..., Job], tmp_path: Path) -> Job:
    """A job whose inputs are a document with two texts that begin alike, and a dropped pair of the second text."""
    import great_expectations  # noqa: F401 - so that the checks start no process

    pages = with_ids(pl.DataFrame({"language": ["fi"], "text": [LONG + "Alku. Loppu."]}), "language", "text")
    texts = with_ids(
        pl.DataFrame({"language": ["fi"] * 2, "text": [LONG + "Alku.", LONG + "Loppu."]}), "language", "text"
    )
    texts = texts.with_columns(document_id=pl.lit(pages["id"][0]))
    pairs = texts.select("language", pl.lit("Describe bread.").alias("instruction"), "text", text_id="id")
    pairs = with_ids(pairs, "language", "instruction", "text")
    drop = pairs.tail(1).select("id", reason=pl.lit("refusal"), value="instruction", origin=pl.lit(""),
                                text=pl.col("text").str.slice(0, 500))  # fmt: skip
    parts = {"raw_web_text/fi": pages, "filtered_text/fi": texts, "candidate_pairs/fi": pairs.head(1),
             "rated_pairs/iteration_1/fi": pairs.head(1), "rated_pairs/iteration_2/fi": pairs.head(1),
             "refined_pairs/fi": pairs.head(1), "diversified_set/fi": pairs.head(1)}  # fmt: skip
    for name, frame in parts.items():
        write_shard(frame, tmp_path / "data" / name / "part-00000.parquet")
        drops = drop if name == "candidate_pairs/fi" else no_rows(DROPS)
        write_shard(drops, tmp_path / "data" / name / DROPS / "part-00000.parquet")
        write_json(tmp_path / "data" / name / "manifest.json", {"rows": frame.height, "content": name})
    write_shard(pairs.head(1), tmp_path / "data/released_set/dataset/fi/train-00000.parquet")
    write_json(tmp_path / "data/released_set/manifest.json", {"content": "released"})
    return make_job("row_index", "fi")


def texts_of(job: Job) -> pl.DataFrame:
    return job.rows("filtered_text", "fi").table()


def test_a_dropped_pair_is_found_beside_its_text_although_another_text_begins_alike(job: Job) -> None:
    run_stage(job, row_index, SUITE)
    index, second = RowIndex(job.target), texts_of(job)["id"][1]
    drop = Place(f"data/candidate_pairs/fi/{DROPS}/part-00000.parquet", 0)
    assert drop in index.places(second) and drop not in index.places(texts_of(job)["id"][0])
    dropped = pl.read_parquet(job.root / drop.file)["id"][0]
    assert Place("data/filtered_text/fi/part-00000.parquet", 1) in index.places(dropped)


def test_texts_are_found_under_their_document(job: Job) -> None:
    run_stage(job, row_index, SUITE)
    places = RowIndex(job.target).places(texts_of(job)["document_id"][0])
    assert [place.row for place in places if "filtered_text" in place.file] == [0, 1]


@pytest.mark.parametrize(
    ("partition", "column", "metric"),
    [
        ("filtered_text", "document_id", "texts_without_document"),
        ("candidate_pairs", "text_id", "pairs_without_text"),
    ],
)
def test_the_gate_fails_for_a_row_without_its_origin(job: Job, partition: str, column: str, metric: str) -> None:
    path = job.input(partition, "fi") / "part-00000.parquet"
    frame = pl.read_parquet(path)
    write_shard(frame.with_columns(pl.lit("0" * 16).alias(column)), path)
    with pytest.raises(GateFailedError, match=f"{metric} equals 0, found {frame.height}"):
        run_stage(job, row_index, SUITE)
    assert not job.target.exists()


def test_the_gate_fails_for_a_released_row_without_its_pair(job: Job) -> None:
    path = job.input("released_set") / "dataset/fi/train-00000.parquet"
    write_shard(pl.read_parquet(path).with_columns(id=pl.lit("1" * 16)), path)
    with pytest.raises(GateFailedError, match="released_without_pair equals 0, found 1"):
        run_stage(job, row_index, SUITE)


def test_a_dropped_pair_without_its_text_is_a_warning(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    path = job.input("candidate_pairs", "fi") / DROPS / "part-00000.parquet"
    write_shard(pl.read_parquet(path).with_columns(text=pl.lit("another text")), path)
    run_stage(job, row_index, SUITE)
    assert "warning: expected drops_without_text equals 0, found 1" in capsys.readouterr().err
