"""A file that no reader supports becomes a dropped row with its size; too many lost bytes fail the gate."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from stages.raw_web_text import stage
from stages.raw_web_text.shared_sources import SharedPages
from stages.raw_web_text.unread import in_bytes, lost_bytes, unread_share
from tests.conftest import ROOT
from tests.stages.raw_web_text.sources import SENTENCE, given, lines, made, page, reasons, records
from x_instruction.runner.gate import load_suite
from x_instruction.runner.job import Job

OTHERS = [
    "b.json",
    "c.csv.gz",
    "d.pdf",
    "e.txt",
    "README",
    ".hidden",
    "f.warc.part",
    "g.zip",
    "h.jsonl.bz2",
    "i.jsonl.xz",
]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("path", ["in", "in/*", "in/**", "{language}/../in"])
def test_a_file_of_another_kind_is_a_drop_with_its_bytes(tmp_path: Path, name: str, path: str) -> None:
    lines(tmp_path / "in" / "a.jsonl", {"text": "hyvä rivi"})
    (tmp_path / "fi").mkdir()
    (tmp_path / "in" / name).write_bytes(b"x" * 1234)
    split = made(tmp_path, {"path": path, "languages": ["fi"]})
    assert split.kept["text"].to_list() == ["hyvä rivi"]
    assert split.dropped["reason"].to_list() == ["unread_file"]
    assert split.dropped["origin"].item().endswith(f"{name}#0")
    assert lost_bytes(split.counts) == {"unread_file": 1234}
    assert unread_share(split.counts) == 1234 / (1234 + (tmp_path / "in" / "a.jsonl").stat().st_size)


def test_files_beside_the_chosen_format_are_counted(tmp_path: Path) -> None:
    lines(tmp_path / "in" / "a.jsonl", {"text": "hyvä rivi"})
    (tmp_path / "in" / "b.html").write_bytes(page())
    split = made(tmp_path, {"path": "in", "format": "jsonl", "languages": ["fi"]})
    assert (split.dropped["origin"].to_list(), reasons(split)) == (["in/b.html#0"], ["unread_file"])


def test_a_folder_that_is_read_completely_has_no_drops(tmp_path: Path) -> None:
    lines(tmp_path / "in" / "sub" / "a.jsonl", {"text": "hyvä rivi"})
    (tmp_path / "in" / "b.html").write_bytes(page())
    split = made(tmp_path, {"path": "in", "languages": ["fi"]})
    assert (split.kept.height, reasons(split), unread_share(split.counts)) == (2, [], 0.0)


def test_drops_of_a_published_folder_are_counted_with_no_bytes(tmp_path: Path) -> None:
    for folder in ("published", "published/__drops__"):
        (tmp_path / folder).mkdir()
        pl.DataFrame({"text": [folder]}).write_parquet(tmp_path / folder / "part-00000.parquet")
    split = made(tmp_path, {"path": "published", "languages": ["fi"]})
    assert (split.kept["text"].to_list(), reasons(split)) == (["published"], ["drops_of_an_artifact"])
    assert unread_share(split.counts) == 0


@pytest.mark.parametrize("source", [{"path": "{language}"}, {"path": "fi"}])
def test_above_the_allowed_share_the_gate_fails_and_says_what_was_not_read(
    make_job: Callable[..., Job], capsys: pytest.CaptureFixture[str], source: dict[str, str]
) -> None:
    job = make_job("raw_web_text", raw_web_text=given(source))
    lines(job.root / "fi" / "a.jsonl", {"text": SENTENCE * 3}, {"text": f"{SENTENCE} Toinen."})
    (job.root / "fi" / "b.pdf").write_bytes(b"x" * 3000)
    (job.root / "fi" / "c.pdf").write_bytes(b"x" * 4000)
    job.staging.mkdir(parents=True)
    metrics = stage.measure(job, stage.run(job))
    assert metrics["unread"] == "2 unread_file (7 kB)"
    assert 0.9 < float(metrics["unread_share"]) < 1
    assert metrics["bad_share"] == 0
    assert "raw_web_text fi: not read: 2 unread_file (7 kB)" in capsys.readouterr().err
    suite = load_suite(ROOT / "stages" / "raw_web_text" / "expectations.yaml", job.settings)
    rule = next(rule for rule in suite if rule.metric == "unread_share")
    assert (rule.at_most, rule.severity) == (0.2, "critical")


def test_a_shared_source_counts_its_other_files_for_each_language(make_job: Callable[..., Job]) -> None:
    job = make_job("raw_web_text", raw_web_text=given({"path": "all"}))
    lines(job.root / "all" / "a.jsonl", {"text": SENTENCE})
    (job.root / "all" / "b.pdf").write_bytes(b"x" * 3000)
    for _ in range(2):  # the shared pages are made in the first round and taken from the store in the second
        SharedPages(job, "fi")
        shutil.rmtree(job.staging, ignore_errors=True)
        outcome = stage.run(job)
        assert lost_bytes(outcome.counts) == {"unread_file": 3000}


def test_the_gate_also_fails_for_the_lost_rest_of_a_file(make_job: Callable[..., Job]) -> None:
    job = make_job("raw_web_text", raw_web_text=given({"path": "{language}"}))
    rows = [f'{{"text": "{number} {os.urandom(90).hex()} {SENTENCE}"}}\n'.encode() for number in range(300)]
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    third = packer.compress(b"".join(rows[:100])) + packer.flush(zlib.Z_FULL_FLUSH)
    (job.root / "fi").mkdir()
    damaged = third + b"\x06" + packer.compress(b"".join(rows[100:])) + packer.flush()  # a block of the invalid type 3
    (job.root / "fi" / "a.jsonl.gz").write_bytes(damaged)
    job.staging.mkdir(parents=True)
    metrics = stage.measure(job, stage.run(job))
    assert float(metrics["bad_share"]) < 0.05
    assert 0.5 < float(metrics["unread_share"]) < 0.8
    assert str(metrics["unread"]).startswith("1 broken_file (")


def sum_changed(rows: list[bytes]) -> bytes:
    """A gzip member whose checksum is wrong."""
    packed = bytearray(gzip.compress(b"".join(rows)))
    packed[-8] ^= 0xFF
    return bytes(packed)


@pytest.mark.parametrize("others", [0, 900])
@pytest.mark.parametrize(("damaged", "share"), [(1, 0.1), (3, 0.3), (10, 1.0)])
def test_the_gate_sees_the_bytes_of_parts_with_a_wrong_check_sum(
    make_job: Callable[..., Job], capsys: pytest.CaptureFixture[str], damaged: int, share: float, others: int
) -> None:
    """`others` is the number of characters in another column of each row."""
    job = make_job("raw_web_text", raw_web_text=given({"path": "{language}"}))
    values = [{"text": f"{number:03} {SENTENCE}", "html": "x" * others} for number in range(100)]
    rows = [json.dumps(row).encode() + b"\n" for row in values]
    parts = [rows[start : start + 10] for start in range(0, 100, 10)]
    (job.root / "fi").mkdir()
    members = [
        sum_changed(part) if number < damaged else gzip.compress(b"".join(part)) for number, part in enumerate(parts)
    ]
    (job.root / "fi" / "a.jsonl.gz").write_bytes(b"".join(members))
    job.staging.mkdir(parents=True)
    outcome = stage.run(job)
    metrics = stage.measure(job, outcome)
    assert outcome.counts["bytes_doubtful"] == damaged * 10 * len(rows[0])
    assert metrics["doubtful_share"] == pytest.approx(share, rel=0.01) and metrics["unread_share"] == 0
    said = f"{in_bytes(damaged * 10 * len(rows[0]))} read from damaged parts, which may be wrong"
    assert said in str(metrics["unread"]) and said in capsys.readouterr().err
    suite = load_suite(ROOT / "stages" / "raw_web_text" / "expectations.yaml", job.settings)
    rule = next(rule for rule in suite if rule.metric == "doubtful_share")
    assert (rule.at_most, rule.severity) == (0.2, "critical")


def whole_files() -> dict[str, bytes]:
    """Files of which nothing can be used: each is a single page or table that is damaged."""
    html, table = page(SENTENCE * 40), io.BytesIO()
    pl.DataFrame({"text": [f"{number} {os.urandom(40).hex()}" for number in range(200)]}).write_parquet(table)
    data = table.getvalue()
    packed = pa.Codec("zstd").compress(html, asbytes=True)
    return {
        "page.html.gz": gzip.compress(os.urandom(3000) + html)[:-60],
        "sum.html.gz": gzip.compress(html)[:-8] + bytes(8),
        "page.html.zst": packed[:-8],
        "cut.parquet": data[:-9],
        "cut.parquet.gz": gzip.compress(data)[:-900],
    }


@pytest.mark.parametrize("name", whole_files())
def test_all_bytes_of_a_page_or_table_that_cannot_be_used_are_lost(tmp_path: Path, name: str) -> None:
    data = whole_files()[name]
    content = {"page.html.zst": len(page(SENTENCE * 40)), "sum.html.gz": len(page(SENTENCE * 40))}
    (_, ((_, lost),)) = records(tmp_path / name, data, max_expansion=400)
    assert content.get(name, 0.9 * len(data)) <= lost < 4 * len(data) or lost == content.get(name)


def test_all_bytes_of_a_table_without_the_text_column_are_lost(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", {"text": "hyvä rivi"})
    pl.DataFrame({"tixt": [os.urandom(40).hex() for _ in range(200)]}).write_parquet(tmp_path / "b.parquet")
    data = (tmp_path / "b.parquet").read_bytes()
    (tmp_path / "b.parquet").write_bytes(pa.Codec("zstd").compress(data, asbytes=True))
    counts = made(tmp_path, {"path": "*", "languages": ["fi"]}, max_expansion=400).counts
    assert 0.9 * len(data) <= lost_bytes(counts)["missing_column"] < 4 * len(data)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (12_345, "12.3 kB"), (5_000_000, "5 MB"), (7.2e12, "7.2e+03 GB")]
)
def test_bytes_are_shown_with_a_unit(size: float, text: str) -> None:
    assert in_bytes(size) == text
