"""Pages become documents or dropped rows; the documents are assigned to languages, deduplicated and checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from stages.raw_web_text import stage
from stages.raw_web_text.records import in_frames
from tests.conftest import ROOT
from tests.stages.raw_web_text.sources import ENGLISH, LIMITS, SENTENCE, drop_of, given, lines, made, page
from x_instruction.runner.files import digest
from x_instruction.runner.gate import load_suite
from x_instruction.runner.job import Job

HEAD = """<meta charset="utf-8"><title>Ohut kuori | Lehti</title>
<link rel="canonical" href="https://lehti.example/piirakka">
<meta property="article:published_time" content="2024-03-02">
<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">"""


def test_a_page_becomes_a_document_with_its_provenance(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.html").write_bytes(page().replace(b"<body>", f"<head>{HEAD}</head><body>".encode()))
    row = made(tmp_path, {"path": "sub", "languages": ["fi"]}).kept.row(0, named=True)
    assert (row["text"], row["title"]) == (SENTENCE, "Ohut kuori | Lehti")
    assert (row["url"], row["date"]) == ("https://lehti.example/piirakka", "2024-03-02")
    assert row["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert (row["source"], row["record"], row["language"]) == ("sub/a.html", 0, "fi")
    assert row["extractor"].startswith("trafilatura ")
    assert row["id"] == digest("fi", row["text"])[:16]


def test_html_in_json_is_utf8_whatever_it_declares(tmp_path: Path) -> None:
    html = page().decode().replace("<body>", '<head><meta charset="iso-8859-1"></head><body>')
    lines(tmp_path / "fi.jsonl", {"text": html})
    assert SENTENCE in made(tmp_path, {"path": "{language}.jsonl", "content": "html"}).kept["text"].item()


# Dropped pages


@pytest.mark.parametrize(
    ("data", "reason", "value"),
    [
        (b"", "empty_page", "no bytes"),
        (b"<html><head><title>x</title></head><body></body></html>", "empty_page", "no main text in 55 bytes"),
        (page() + "<p>pää</p>".encode("latin-1"), "invalid_utf8", "UTF-8 and another encoding are mixed: 67% of the"),
        (page() + b"\0\0", "nul_bytes", "2 of 223 characters are NUL"),
        (page() * 200, "page_too_large", "more than 20000 bytes"),
        (b"<div>" * 300 + SENTENCE.encode(), "nested_too_deep", "elements are nested deeper than 200 levels"),
    ],
    ids=["no bytes", "no text", "mixed encodings", "NUL", "too large", "nested"],
)
def test_a_bad_page_is_dropped_with_its_reason(tmp_path: Path, data: bytes, reason: str, value: str) -> None:
    found = drop_of(tmp_path, "a.html", data)
    assert found[:2] == (reason, "fi/a.html#0")
    assert found[2].startswith(value)


@pytest.mark.parametrize("url", ["not a url", "/only/a/path", "https://[broken/", "http://a b.example/"])
def test_a_document_with_an_impossible_address_is_dropped(tmp_path: Path, url: str) -> None:
    data = json.dumps({"text": "sana", "url": url}).encode() + b"\n"
    assert drop_of(tmp_path, "a.jsonl", data) == ("invalid_url", "fi/a.jsonl#0", url)


# Routing


def test_each_language_takes_its_documents_from_a_shared_source(tmp_path: Path) -> None:
    lines(tmp_path / "all.jsonl", {"text": SENTENCE}, {"text": ENGLISH})
    split = made(tmp_path, {"path": "all.jsonl"})
    assert split.kept["text"].to_list() == [SENTENCE]
    assert split.dropped.select("reason", "value", "text").rows() == [("other_language", "identified as en", "")]


def test_a_labelled_source_is_not_routed(tmp_path: Path) -> None:
    lines(tmp_path / "fi.jsonl", {"text": ENGLISH})
    assert made(tmp_path, {"path": "{language}.jsonl"}).kept.height == 1


def test_documents_in_another_language_do_not_count_as_bad_records() -> None:
    assert not {"other_language", *stage.NO_PAGE} & set(stage.BAD)


# All documents of a language


def test_above_the_allowed_share_of_bad_records_the_counts_are_printed(
    make_job: Callable[..., Job], capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job("raw_web_text", raw_web_text=given({"path": "{language}"}))
    lines(job.root / "fi" / "a.jsonl", {"text": "hyvä"}, {"text": "x", "url": "no url"}, "{", "3")
    job.staging.mkdir(parents=True)
    metrics = stage.measure(job, stage.run(job))
    assert (metrics["bad_share"], metrics["bad_records"]) == (0.75, "2 unreadable_record, 1 invalid_url")
    assert "bad records among 4 pages: 2 unreadable_record, 1 invalid_url" in capsys.readouterr().err
    suite = load_suite(ROOT / "stages" / "raw_web_text" / "expectations.yaml", job.settings)
    assert next(rule.at_most for rule in suite if rule.metric == "bad_share") == LIMITS["max_bad_share"]


def test_frames_are_limited_by_rows_and_by_bytes() -> None:
    records = [{"body": b"x" * 10, "source": "s", "record": number} for number in range(5)]
    assert [frame.height for frame in in_frames(records, 2)] == [2, 2, 1]
    assert [frame.height for frame in in_frames(records, 100, size=30)] == [3, 2]


def test_the_second_copy_of_a_text_is_dropped_across_shards(make_job: Callable[..., Job]) -> None:
    job = make_job("raw_web_text", raw_web_text=given({"path": "{language}.jsonl"}, rows_per_shard=1))
    lines(job.root / "fi.jsonl", {"text": "yksi"}, {"text": "kaksi"}, {"text": "yksi"})
    outcome = stage.run(job)
    assert job.staged.drop_counts() == {"exact_duplicate": 1}
    drop = pl.concat([pl.read_parquet(path) for path in sorted(job.staging.glob("__drops__/*"))]).row(0, named=True)
    assert (drop["origin"], drop["value"]) == ("fi.jsonl#2", "same text as fi.jsonl#0")
    assert stage.measure(job, outcome)["exact_duplicates"] == 1


def test_the_work_store_keeps_a_duplicate_that_the_artifact_drops(make_job: Callable[..., Job]) -> None:
    job = make_job("raw_web_text", raw_web_text=given({"path": "{language}.jsonl"}))
    lines(job.root / "fi.jsonl", {"text": "yksi"}, {"text": "yksi"})
    stage.run(job)
    (stored,) = job.work.glob("*/part.parquet")
    assert pl.read_parquet(stored).height == 2
    assert pl.read_parquet(job.staging / "part-00000.parquet").height == 1
