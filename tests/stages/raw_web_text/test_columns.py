"""Columns that the user names but the source does not have are reported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.raw_web_text.shared_sources import SharedPages
from tests.conftest import ROOT
from tests.stages.raw_web_text.sources import SENTENCE, given, lines, made, project

WARNING = "warning: no row of source {} has a value in the column `{}`: correct its `columns`\n"


def warned(capsys: pytest.CaptureFixture[str], root: Path, **source: Any) -> str:
    made(root, {"languages": ["fi"], **source})
    return capsys.readouterr().err


def test_a_named_column_without_a_value_in_any_row_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines(tmp_path / "a.jsonl", {"text": "yksi", "day": None}, {"text": "kaksi", "link": "https://a.example/"})
    columns = {"url": "link", "date": "day", "id": "id"}
    assert warned(capsys, tmp_path, path="a.jsonl", columns=columns) == (
        WARNING.format("a.jsonl", "day") + WARNING.format("a.jsonl", "id")
    )


def test_a_column_that_one_file_has_or_that_is_not_named_causes_no_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines(tmp_path / "a.jsonl", {"text": "yksi"})
    lines(tmp_path / "b.jsonl", {"text": "kaksi", "day": "2020"})
    assert warned(capsys, tmp_path, path="*.jsonl", columns={"date": "day"}) == ""


@pytest.mark.parametrize("source", [{"path": "hub/train.parquet"}, {"path": "hub", "format": "dataset"}])
def test_columns_of_tables_and_datasets_are_also_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: dict[str, Any]
) -> None:
    (tmp_path / "hub").mkdir()
    pl.DataFrame({"text": ["yksi"], "published": ["2020"]}).write_parquet(tmp_path / "hub" / "train.parquet")
    assert WARNING.format(source["path"], "publishd") in warned(
        capsys, tmp_path, **source, columns={"date": "publishd"}
    )


def test_a_shared_source_warns_once_for_all_its_pieces(
    make_job: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stages.raw_web_text.shared_sources.PIECE_BYTES", 1)
    job = make_job("raw_web_text", raw_web_text=given({"path": "*.jsonl", "columns": {"date": "day", "title": "name"}}))
    lines(job.root / "a.jsonl", {"text": SENTENCE})
    lines(job.root / "b.jsonl", {"text": SENTENCE, "name": "Kuori"})
    SharedPages(job, "fi")
    assert [line for line in capsys.readouterr().err.splitlines(keepends=True) if "warning" in line] == [
        WARNING.format("*.jsonl", "day")
    ]


# Runs of the command `python -m stages`


def with_rows(root: Path, **source: Any) -> Path:
    """A project whose only source has 30 rows with their texts in the column `body`."""
    project(root, ["fi"], {"path": "{language}.jsonl", **source})
    lines(root / "fi.jsonl", *({"body": f"{number}. {SENTENCE * 3}", "published": "2020"} for number in range(30)))
    return root


def run(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages", "raw_web_text", "fi"], cwd=root, capture_output=True, text=True, timeout=120
    )


def test_a_wrong_text_column_ends_the_stage_with_the_wanted_and_the_existing_columns(tmp_path: Path) -> None:
    ended = run(with_rows(tmp_path, columns={"text": "content"}))
    assert ended.returncode == 1
    assert (
        "error: no record of source {language}.jsonl has a text: in fi.jsonl, there is no column `content`; the "
        "columns are body, published: set `columns: {text: …}` of the source\n"
    ) in ended.stderr
    assert not (tmp_path / "data/raw_web_text/fi").exists()
    assert "Traceback" not in ended.stderr


def test_lines_in_another_encoding_end_the_stage_with_the_file_and_the_line(tmp_path: Path) -> None:
    root = with_rows(tmp_path, columns={"text": "body"})
    with (root / "fi.jsonl").open("ab") as file:
        file.writelines(f'{{"body": "hyvä rivi {number}"}}\n'.encode("cp1252") for number in range(30))
    ended = run(root)
    assert ended.returncode == 1
    assert (
        "invalid_utf8 (30 rows), for example: byte 13 in line 31 of fi.jsonl is not UTF-8: save the file as UTF-8; all "
        "dropped rows: data/refused/raw_web_text/fi.drops"
    ) in ended.stderr
    assert (tmp_path / "data/refused/raw_web_text/fi.drops").is_dir()


def test_files_of_another_kind_end_the_stage_with_the_name_of_a_file(tmp_path: Path) -> None:
    root = project(tmp_path, ["fi"], {"path": "{language}"})
    lines(root / "fi" / "a.jsonl", {"text": SENTENCE * 3})
    (root / "fi" / "b.txt").write_text("x" * 2000)
    assert "unread_file (1 rows), for example: .txt, 2000 bytes (origin: fi/b.txt#0); all" in run(root).stderr


def test_a_broken_file_ends_the_stage_with_the_name_of_the_file(tmp_path: Path) -> None:
    root = with_rows(tmp_path, path="{language}.jsonl.gz")
    shutil.move(root / "fi.jsonl", root / "fi.jsonl.gz")
    assert "for example: fi.jsonl.gz is damaged or cut off: Not a gzipped file" in run(root).stderr


def test_a_wrong_date_column_is_a_warning_and_the_documents_are_published(tmp_path: Path) -> None:
    ended = run(with_rows(tmp_path, columns={"text": "body", "date": "publishd"}))
    assert ended.returncode == 0, ended.stderr
    assert WARNING.format("{language}.jsonl", "publishd") in ended.stderr
    assert pl.read_parquet(tmp_path / "data/raw_web_text/fi/part-00000.parquet").height == 30


def test_an_unknown_language_of_a_source_is_reported_in_one_sentence(tmp_path: Path) -> None:
    ended = run(with_rows(tmp_path, path="a.jsonl", languages=["fi", "swa"]))
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "`raw_web_text.sources.0.languages`: 'swa' is not one of the languages fi, id, th, tr" in ended.stderr


def test_a_source_that_the_graph_does_not_list_is_refused(tmp_path: Path) -> None:
    root = with_rows(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", root)
    ended = run(root)
    assert ended.returncode == 1
    assert "dvc.yaml does not list ${item}.jsonl, which params.yaml makes an input of raw_web_text" in ended.stderr
