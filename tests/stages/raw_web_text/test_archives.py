"""Intact WARC and WET archives are read; damaged records and records with a wrong length are dropped."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from stages.raw_web_text.unread import lost_bytes, unread_share
from tests.conftest import SHARED
from tests.stages.raw_web_text.sources import (
    SENTENCE,
    drop_of,
    lines,
    made,
    page,
    reasons,
    response,
    three,
    urls,
    zstd,
)


@pytest.mark.parametrize("form", ["plain", "gz", "gz by record", "zst by record"])
def test_responses_of_a_warc_are_read_with_their_offsets(tmp_path: Path, form: str) -> None:
    records = three()
    if form == "gz":
        records = [gzip.compress(b"".join(records))]
    elif form != "plain":
        records = [gzip.compress(data) if form[0] == "g" else zstd(data, tmp_path / "record") for data in records]
    (tmp_path / "fi.warc").write_bytes(b"".join(records))
    split = made(tmp_path, {"path": "{language}.warc"})
    assert urls(split) == ["a", "b", "c"]
    assert split.kept["date"].to_list() == ["2024-05-06T07:08:09Z"] * 3
    assert split.kept["source_id"].str.starts_with("<urn:uuid:").all()
    if form != "gz":
        assert split.kept["record"].to_list() == [0, len(records[0]), len(records[0]) + len(records[1])]


def test_a_bad_page_with_an_address_is_dropped_with_its_file_and_offset(tmp_path: Path) -> None:
    first, second = response("https://a.example/", page()), response("https://b.example/", b"maj\0akka" * 9)
    (tmp_path / "fi.warc").write_bytes(first + second)
    lines(tmp_path / "fi.jsonl", {"text": "hyvä rivi", "url": "no address"})
    split = made(tmp_path, {"path": "fi.*", "languages": ["fi"]})
    assert split.dropped.select("reason", "origin").rows() == [
        ("invalid_url", "fi.jsonl#0"),
        ("nul_bytes", f"fi.warc#{len(first)}"),
    ]


def test_the_servers_charset_is_used(tmp_path: Path) -> None:
    body = page("Привет из города, где пекут пироги. ").decode().encode("cp1251")
    (tmp_path / "fi.warc").write_bytes(response("https://a.example/", body, header="text/html; charset=windows-1251"))
    assert "Привет из города" in made(tmp_path, {"path": "{language}.warc"}).kept["text"].item()


def test_a_response_that_is_not_html_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "fi.warc").write_bytes(response("https://a.example/a.png", b"x", header="image/png"))
    assert reasons(made(tmp_path, {"path": "{language}.warc"})) == ["not_html"]


def test_texts_of_a_wet_archive_are_read_unchanged(tmp_path: Path) -> None:
    text = SENTENCE.encode()
    head = f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://a.example/\r\nContent-Length: {len(text)}"
    (tmp_path / "fi.warc.wet.gz").write_bytes(gzip.compress(head.encode() + b"\r\n\r\n" + text + b"\r\n\r\n"))
    kept = made(tmp_path, {"path": "{language}.warc.wet.gz"}).kept
    assert kept.select("text", "extractor", "url").row(0) == (SENTENCE, "none", "https://a.example/")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("length", [100_000, 700, 30, -5])
def test_only_the_record_with_a_wrong_length_is_dropped(tmp_path: Path, length: int, compressed: bool) -> None:
    records = [gzip.compress(data) if compressed else data for data in three(length)]
    (tmp_path / "fi.warc").write_bytes(b"".join(records))
    split = made(tmp_path, {"path": "{language}.warc"})
    assert (urls(split), reasons(split)) == (["a", "c"], ["broken_record"])
    assert split.dropped["origin"].item() == f"fi.warc#{len(records[0])}"


def test_only_the_damaged_member_of_an_archive_is_dropped(tmp_path: Path) -> None:
    a, b, c = [gzip.compress(data) for data in three()]
    (tmp_path / "fi.warc.gz").write_bytes(a + b[:-30] + c)
    split = made(tmp_path, {"path": "{language}.warc.gz"})
    assert (urls(split), reasons(split)) == (["a", "c"], ["broken_record"])


@pytest.mark.parametrize("place", [0, 4, 14])
def test_a_member_with_a_damaged_header_is_dropped(tmp_path: Path, place: int) -> None:
    a, b, c = [gzip.compress(data) for data in three()]
    (tmp_path / "fi.warc.gz").write_bytes(a + b[:place] + b"\xff" * 20 + b[place + 20 :] + c)
    split = made(tmp_path, {"path": "{language}.warc.gz"})
    assert (urls(split), reasons(split)) == (["a", "c"], ["broken_record"])
    assert split.dropped["origin"].item() == f"fi.warc.gz#{len(a)}"


def test_a_truncated_archive_loses_its_last_record(tmp_path: Path) -> None:
    (tmp_path / "fi.warc.gz").write_bytes(b"".join(gzip.compress(data) for data in three())[:-40])
    split = made(tmp_path, {"path": "{language}.warc.gz"})
    assert (urls(split), reasons(split)) == (["a", "b"], ["broken_record"])


def test_the_size_of_a_page_that_the_server_compressed_is_limited(tmp_path: Path) -> None:
    body, header = gzip.compress(b" " * 10_000_000), "text/html\r\nContent-Encoding: gzip"
    (tmp_path / "fi.warc").write_bytes(response("https://a.example/", body, header=header))
    assert reasons(made(tmp_path, {"path": "{language}.warc"})) in (["empty_page"], ["page_too_large"])


def test_an_archive_without_responses_is_named(tmp_path: Path) -> None:
    text = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 1\r\n\r\nx\r\n\r\n"
    assert drop_of(tmp_path, "a.warc", text) == (
        "unreadable_file", "fi/a.warc#0", "fi/a.warc has no HTTP response"
    )  # fmt: skip


def test_bytes_that_are_not_an_archive_are_dropped(tmp_path: Path) -> None:
    assert drop_of(tmp_path, "a.warc", b"hello world\n" * 30)[:2] == ("broken_record", "fi/a.warc#0")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("cc_net__sample.warc.txt", 2),
        ("warcio__example.warc.gz", 1),
        ("warcio__example-bad-non-chunked.warc.gz", 1),
        ("whirlwind-python__whirlwind.warc.gz", 1),
        ("whirlwind-python__whirlwind.warc.wet.gz", 1),
    ],
)
def test_real_archives_are_read_without_drops(name: str, kept: int) -> None:
    if not (SHARED / "warc" / name).exists():
        pytest.skip(f"NO REAL DATA: {SHARED / 'warc' / name} is missing (set XI_SHARED_DATA)")
    form = "wet" if "wet" in name or "cc_net" in name else "warc"
    split = made(SHARED / "warc", {"path": name, "format": form, "languages": ["fi"]}, max_page_bytes=5_000_000)
    assert (split.kept.height, set(reasons(split)) - {"other_records"}) == (kept, set())
    assert unread_share(split.counts) == 0


def test_a_real_archive_of_many_encodings_is_read() -> None:
    name = "chatnoir-resiliparse__warcfile.warc.gz"
    if not (SHARED / "warc" / name).exists():
        pytest.skip(f"NO REAL DATA: {SHARED / 'warc' / name} is missing (set XI_SHARED_DATA)")
    split = made(SHARED / "warc", {"path": name, "languages": ["fi"]}, max_page_bytes=5_000_000)
    responses = split.dropped.filter(pl.col("reason") != "other_records")
    assert split.kept.height + responses.height == 16  # some of these pages are in GBK or Windows-1251
    assert not set(responses["reason"]) - {"empty_page", "invalid_utf8"}
    assert unread_share(split.counts) == 0
    assert "\ufffd" not in "".join(split.kept["text"])


# Unread records are counted


def other(kind: str, size: int) -> bytes:
    return f"WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size + b"\r\n\r\n"


@pytest.mark.parametrize("kind", ["request", "metadata", "revisit", "resource", "conversion"])
@pytest.mark.parametrize("compressed", [False, True])
def test_records_of_other_kinds_are_counted_by_kind_and_bytes(tmp_path: Path, kind: str, compressed: bool) -> None:
    records = [other("warcinfo", 10), three()[0], other(kind, 300), three()[1], other(kind, 500)]
    (tmp_path / "fi.warc").write_bytes(b"".join(gzip.compress(data) if compressed else data for data in records))
    split = made(tmp_path, {"path": "{language}.warc"})
    assert split.dropped["value"].to_list() == [
        "1 records of kind warcinfo, 10 bytes",
        f"2 records of kind {kind}, 800 bytes",
    ]
    weighs = {"other_records": 800} if kind in ("resource", "conversion") else {}
    assert (urls(split), lost_bytes(split.counts)) == (["a", "b"], weighs)


@pytest.mark.parametrize("form", ["gz", "zst", "plain"])
def test_the_lost_rest_of_an_archive_counts_by_its_bytes(tmp_path: Path, form: str) -> None:
    rest = response("https://b.example/", page(SENTENCE * 40), 100_000)
    pack = {"gz": gzip.compress, "zst": lambda data: zstd(data, tmp_path / "packed"), "plain": bytes}[form]
    (tmp_path / "fi.warc").write_bytes(pack(three()[0]) + pack(rest))
    split = made(tmp_path, {"path": "{language}.warc"})
    assert (urls(split), reasons(split)) == (["a"], ["broken_record"])
    assert lost_bytes(split.counts)["broken_record"] >= len(pack(rest))


def test_an_archive_without_pages_counts_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "fi.warc").write_bytes(other("resource", 5000))
    split = made(tmp_path, {"path": "{language}.warc"})
    assert (reasons(split), unread_share(split.counts)) == (["unreadable_file"], 1.0)
