"""A source of which no record is used is refused if its text column is wrong, and else a warning names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.raw_web_text import stage
from tests.stages.raw_web_text.sources import ENGLISH, SENTENCE, given, lines, made, page, reasons
from x_instruction.runner.errors import InputError
from x_instruction.runner.job import Job

MakeJob = Callable[..., Job]
GOOD = {"path": "good.jsonl", "languages": ["fi"]}
COLUMN = "there is no column `contents`; the columns are content, docid: set `columns: {text: …}` of the source"


def table(path: Path, column: str = "content") -> None:
    path.parent.mkdir(exist_ok=True)
    rows = [f"{number}. {SENTENCE}" for number in range(20)]
    pl.DataFrame({column: rows, "docid": rows}).write_parquet(path)


def good(root: Path) -> None:
    lines(root / "good.jsonl", *({"text": f"{SENTENCE} {number}"} for number in range(80)))


def staged(make_job: MakeJob, *sources: dict[str, Any], language: str = "fi") -> Job:
    """Runs the stage on the sources, beside a good source."""
    root = make_job().root
    good(root)
    settings = given(GOOD, *sources)
    places = {"staging": root / "staging" / language, "work": root / "work" / language}
    job = make_job("raw_web_text", language, raw_web_text=settings, languages=["fi", "sw"], **places)
    job.staging.mkdir(parents=True, exist_ok=True)
    stage.run(job)
    return job


def warned(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if "warning" in line]


@pytest.mark.parametrize("path", ["my/{language}.parquet", "my/*.parquet"])
def test_a_wrong_text_column_of_one_source_among_good_sources_is_refused(make_job: MakeJob, path: str) -> None:
    table(make_job().root / "my" / "fi.parquet")
    for _ in range(2):  # the pages of a shared source come from the store in the second round
        with pytest.raises(InputError) as refused:
            staged(make_job, {"path": path, "columns": {"text": "contents", "id": "docid"}})
        assert str(refused.value) == f"no record of source {path} has a text: in my/fi.parquet, {COLUMN}"


@pytest.mark.parametrize("name", ["a.pdf", "a.parquet"])
def test_a_wrong_text_column_beside_files_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    table(tmp_path / "my" / "b.parquet")
    for number in range(3):
        (tmp_path / "my" / f"{number}{name}").write_bytes(b"neither text nor table")
    with pytest.raises(InputError, match=r"no record of source my has a text: in my/b\.parquet, there is no"):
        made(tmp_path, {"path": "my", "languages": ["fi"], "columns": {"text": "contents"}})


def test_a_table_without_the_text_column_beside_one_that_has_it_is_a_drop_and_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "my" / "a.parquet", "contents")
    table(tmp_path / "my" / "b.parquet")
    split = made(tmp_path, {"path": "my", "languages": ["fi"], "columns": {"text": "contents"}})
    assert (split.kept.height, reasons(split)) == (20, ["missing_column"])
    assert warned(capsys) == [
        f"warning: source my: 1 of 21 records (a table is one record) have no text: in my/b.parquet, {COLUMN}"
    ]


def test_a_damaged_file_beside_good_ones_is_a_drop_without_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(tmp_path / "my" / "a.parquet", "text")
    (tmp_path / "my" / "b.parquet").write_bytes(b"not a table")
    split = made(tmp_path, {"path": "my", "languages": ["fi"]})
    assert (split.kept.height, reasons(split), warned(capsys)) == (20, ["unreadable_file"], [])


def test_a_source_whose_records_cannot_be_read_is_a_warning_with_the_most_frequent_reason(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    lines(make_job().root / "my" / "fi.jsonl", {"text": None}, "katkennut", "rikki")
    job = staged(make_job, {"path": "my/{language}.jsonl"})
    assert warned(capsys) == [
        "warning: no record of source my/{language}.jsonl can be used; the most frequent reason is unreadable_record "
        "(3 of 3 records), for example: `text` is null, not text (origin: my/fi.jsonl#0)"
    ]
    assert pl.concat(job.staged.frames()).height == 80


def test_a_source_whose_pages_are_all_dropped_is_a_warning_with_the_most_frequent_reason(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_job().root
    for number, content in enumerate([page(), b"", b"<p></p>", b"\0"]):
        (root / str(number > 0) / "fi").mkdir(parents=True, exist_ok=True)
        (root / str(number > 0) / "fi" / f"{number}.html").write_bytes(content)
    staged(make_job, {"path": "True/{language}"}, {"path": "False/{language}"})
    assert warned(capsys) == [
        "warning: no record of source True/{language} can be used; the most frequent reason is empty_page "
        "(2 of 3 records), for example: no bytes (origin: True/fi/1.html#0)"
    ]


def test_a_source_that_repeats_another_one_causes_no_warning(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    good(make_job().root)
    (make_job().root / "same.jsonl").write_bytes((make_job().root / "good.jsonl").read_bytes())
    job = staged(make_job, {"path": "same.jsonl", "languages": ["fi"]})
    assert (job.staged.drop_counts(), warned(capsys)) == ({"exact_duplicate": 80}, [])


@pytest.mark.parametrize("language", ["fi", "sw"])
def test_a_shared_source_without_a_text_of_the_language_causes_no_warning(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    lines(make_job().root / "all.jsonl", {"text": ENGLISH}, json.dumps({"text": f"{ENGLISH} {ENGLISH}"}))
    job = staged(make_job, {"path": "all.jsonl"}, language=language)
    assert (job.staged.drop_counts(), warned(capsys)) == ({"other_language": 2}, [])
