"""Sources of raw_web_text: every format, and bad input of every kind, each made here and met by one reason."""

from __future__ import annotations

import gzip
import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
import polars as pl
import pytest
from fastwarc.stream_io import ZstdWriter
from pydantic import ValidationError

from dvc_project.generated_lines import generated_lines
from stages.params import Settings
from stages.raw_web_text import stage as raw_web_text
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.settings import RawWebText, Source
from tests.conftest import ROOT
from x_instruction.language.settings import load_language
from x_instruction.pages.encodings import UndecodableError, decode, normalise
from x_instruction.runner.errors import InputError
from x_instruction.runner.gate import load_suite
from x_instruction.runner.job import Job
from x_instruction.runner.shards import Split

REAL = Path(os.environ.get("XI_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
LIMITS: dict[str, Any] = {
    "rows_per_shard": 100,
    "max_page_bytes": 20_000,
    "max_line_bytes": 50_000,
    "max_nesting": 200,
    "max_expansion": 50,
    "max_bad_share": 0.2,
}
SENTENCE = "Karjalanpiirakan kuori on rukiinen ja ohut, ja juuri siinä piilee leipojan taito."
ENGLISH = "The crust of this pastry is thin and made of rye, and that is where the baker shows what he has learned."
# Windows' 8-bit encodings, and words of the language with the marks its script needs.
IN_WINDOWS = {
    "fi": ("cp1252", "Pääsiäisenä syödään mämmiä ja lähdetään mäkeä laskemaan"),
    "tr": ("cp1254", "Güneşli bir günde çocuklar bahçede oynuyor ve şarkı söylüyorlardı"),
    "th": ("cp874", "เด็กๆ วิ่งเล่นอยู่ในสวนสาธารณะทั้งวัน น้ำใสไหลเย็นเห็นตัวปลา"),
}
MARKED = {
    "bn": "অ্যাপ্লিকেশন ক্ষুদ্র র‍্যাব বাংলা",
    "hi": "क्‍षेत्र श्रीमान् हिन्दी क्‌ष पढ़ना",
    "ta": "தமிழ்நாடு க்‌ஷ ஸ்ரீ கோயில்",
    "th": "น้ำตาลทราย เก็บกู้ ที่นี่ กำลัง",
    "ur": "می‌خواہم اُردو عَربی کِتاب پھُول",
}


def given(*sources: dict[str, Any], **limits: Any) -> RawWebText:
    return RawWebText.model_validate({"sources": list(sources), **LIMITS, **limits})


def made(root: Path, *sources: dict[str, Any], language: str = "fi", **limits: Any) -> Split:
    settings = given(*sources, **limits)
    frame = pl.concat(read_sources(settings, language, root))
    return raw_web_text.transform(frame, settings, language, load_language(language))


def lines(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def page(text: str = SENTENCE) -> bytes:
    return f"<html><body><article><p>{text}</p><p>{text}</p></article></body></html>".encode()


def response(url: str, body: bytes, length: int | None = None, header: str = "text/html; charset=utf-8") -> bytes:
    http = f"HTTP/1.1 200 OK\r\nContent-Type: {header}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-05-06T07:08:09Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{abs(hash(url))}>\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http) if length is None else length}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def three(length: int | None = None) -> list[bytes]:
    """Three responses; the one in the middle may lie about its length."""
    return [response(f"https://{one}.example/", page(one + SENTENCE), length if one == "b" else None) for one in "abc"]


def zstd(data: bytes, path: Path) -> bytes:
    with path.open("wb") as file:
        writer = ZstdWriter(file)
        writer.write(data)
        writer.close()
    return path.read_bytes()


def reasons(split: Split) -> list[str]:
    return split.dropped["reason"].to_list()


def urls(split: Split) -> list[str]:
    return [url.removeprefix("https://").removesuffix(".example/") for url in split.kept["url"]]


# Where sources lie and what they are called


def test_a_glob_reads_what_it_matches_and_names_files_by_their_place(tmp_path: Path) -> None:
    for name in ("b/2.jsonl", "a/1.jsonl", "a/skip.txt"):
        lines(tmp_path / "web" / name, {"text": name})
    kept = made(tmp_path, {"path": "web/**/*.jsonl", "languages": ["fi"]}).kept
    assert kept["source"].to_list() == ["web/a/1.jsonl", "web/b/2.jsonl"]


def test_a_folder_of_several_kinds_is_read_by_the_names(tmp_path: Path) -> None:
    lines(tmp_path / "fi" / "a.jsonl", {"text": "yksi"})
    (tmp_path / "fi" / "b.html").write_bytes(page())
    assert made(tmp_path, {"path": "{language}"}).kept["extractor"].str.slice(0, 4).to_list() == ["none", "traf"]


def test_a_url_is_read_through_fsspec(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/crawl/fi.jsonl", b'{"text": "muistista"}\n')
    kept = made(tmp_path, {"path": "memory://crawl/{language}.jsonl", "revision": "1"}).kept
    assert (kept["text"].item(), kept["source"].item()) == ("muistista", "memory:///crawl/fi.jsonl")


def test_a_url_without_revision_is_refused() -> None:
    with pytest.raises(ValidationError, match="set `revision`"):
        Source(path="s3://bucket/{language}.parquet")


def test_a_source_of_other_languages_is_left_out(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", {"text": "kyllä"})
    sources = [{"path": "a.jsonl", "languages": ["fi"]}, {"path": "none.jsonl", "languages": ["sw"]}]
    assert made(tmp_path, *sources).kept["text"].to_list() == ["kyllä"]


def test_columns_are_named_by_settings(tmp_path: Path) -> None:
    row = {"body": "teksti", "link": "https://a.example/", "day": "2020", "terms": "CC0", "key": 7}
    lines(tmp_path / "fi.jsonl", row)
    columns = {"text": "body", "url": "link", "date": "day", "license": "terms", "id": "key"}
    kept = made(tmp_path, {"path": "{language}.jsonl", "columns": columns}).kept
    assert kept.select("text", "url", "date", "license", "source_id").row(0) == (*list(row.values())[:4], "7")


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_compressed_parquet_is_read(tmp_path: Path, ending: str) -> None:
    pl.DataFrame({"text": ["yksi", "kaksi"]}).write_parquet(tmp_path / "plain")
    data = (tmp_path / "plain").read_bytes()
    packed = gzip.compress(data) if ending == ".gz" else zstd(data, tmp_path / "packed")
    (tmp_path / f"fi.parquet{ending}").write_bytes(packed)
    assert made(tmp_path, {"path": f"{{language}}.parquet{ending}"}).kept["record"].to_list() == [0, 1]


def test_a_folder_in_the_hubs_layout_is_read_by_config_and_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / "hub" / "fin").mkdir(parents=True, exist_ok=True)
        frame = pl.DataFrame({"text": [f"{split} yksi", f"{split} kaksi"], "url": ["https://a.example/", None]})
        frame.write_parquet(tmp_path / "hub" / "fin" / f"{split}-00000-of-00001.parquet")
    card = "---\nconfigs:\n- config_name: fin\n  data_files:\n  - split: test\n    path: fin/test-*\n---\n"
    (tmp_path / "hub" / "README.md").write_text(card)
    source = {"path": "hub", "format": "dataset", "config": "fin", "split": "test", "languages": ["fi"]}
    kept = made(tmp_path, source).kept
    assert kept["text"].to_list() == ["test yksi", "test kaksi"]
    assert kept["source"].to_list() == ["hub/fin/test"] * 2


def test_files_of_a_dataset_are_read_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    for number, words in enumerate((["yksi", "kaksi"], ["kolme", "neljä"])):
        pl.DataFrame({"text": words}).write_parquet(tmp_path / "hub" / f"train-0000{number}-of-00002.parquet")
    kept = made(tmp_path, {"path": "hub", "format": "dataset", "languages": ["fi"]}).kept
    assert kept.select("text", "record").rows() == [("yksi", 0), ("kaksi", 1), ("kolme", 2), ("neljä", 3)]


def test_a_dataset_that_is_not_parquet_is_streamed(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "train.jsonl").write_text('{"text": "yksi"}\n{"text": "kaksi"}\n', encoding="utf-8")
    kept = made(tmp_path, {"path": "hub", "format": "dataset", "languages": ["fi"]}).kept
    assert kept.select("text", "record", "source").rows() == [("yksi", 0, "hub/train"), ("kaksi", 1, "hub/train")]


@pytest.mark.parametrize("name", ["train.parquet", "train.jsonl"])
def test_a_dataset_without_the_column_is_one_drop(tmp_path: Path, name: str) -> None:
    (tmp_path / "hub").mkdir()
    frame = pl.DataFrame({"body": ["yksi", "kaksi"]})
    frame.write_parquet(tmp_path / "hub" / name) if name[-1] == "t" else frame.write_ndjson(tmp_path / "hub" / name)
    dropped = made(tmp_path, {"path": "hub", "format": "dataset", "languages": ["fi"]}).dropped
    assert dropped.select("reason", "origin").rows() == [("missing_column", "hub/train#0")]


def test_a_hub_id_without_a_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give the commit as `revision`"):
        made(tmp_path, {"path": "someone/something", "format": "dataset", "languages": ["fi"]})


def test_local_sources_are_dependencies_and_remote_ones_are_not(settings: Settings, tmp_path: Path) -> None:
    sources = [
        {"path": "data/{language}/*.warc.gz"},
        {"path": "data/one.parquet", "languages": ["sw"]},
        {"path": "s3://bucket/all.jsonl", "revision": "1"},
        {"path": "some/{language}.jsonl", "languages": ["fi", "ur"]},
    ]
    own = settings.model_copy(update={"raw_web_text": given(*sources)})
    wanted = ["data/${item}", "data/one.parquet", "some/fi.jsonl", "some/ur.jsonl", "stages/languages/${item}.yaml"]
    assert generated_lines("sources", "raw_web_text", own, tmp_path) == wanted


# Archives


@pytest.mark.parametrize("form", ["plain", "gz", "gz by record", "zst by record"])
def test_responses_of_a_warc_are_read_with_their_offsets(tmp_path: Path, form: str) -> None:
    records = three()
    if form == "gz":
        records = [gzip.compress(b"".join(records))]
    elif form != "plain":
        records = [gzip.compress(one) if form[0] == "g" else zstd(one, tmp_path / "one") for one in records]
    (tmp_path / "fi.warc").write_bytes(b"".join(records))
    split = made(tmp_path, {"path": "{language}.warc"})
    assert urls(split) == ["a", "b", "c"]
    assert split.kept["date"].to_list() == ["2024-05-06T07:08:09Z"] * 3
    assert split.kept["source_id"].str.starts_with("<urn:uuid:").all()
    if form != "gz":
        assert split.kept["record"].to_list() == [0, len(records[0]), len(records[0]) + len(records[1])]


def test_a_bad_page_that_has_an_address_is_dropped_with_file_and_offset(tmp_path: Path) -> None:
    first, second = response("https://a.example/", page()), response("https://b.example/", b"maj\0akka" * 9)
    (tmp_path / "fi.warc").write_bytes(first + second)
    lines(tmp_path / "fi.jsonl", {"text": "hyvä rivi", "url": "no address"})
    split = made(tmp_path, {"path": "fi.*", "languages": ["fi"]})
    assert split.dropped.select("reason", "origin").rows() == [
        ("invalid_url", "fi.jsonl#0"),
        ("nul_bytes", f"fi.warc#{len(first)}"),
    ]


def test_the_servers_charset_is_believed(tmp_path: Path) -> None:
    body = page("Привет из города, где пекут пироги. ").decode().encode("cp1251")
    (tmp_path / "fi.warc").write_bytes(response("https://a.example/", body, header="text/html; charset=windows-1251"))
    assert "Привет из города" in made(tmp_path, {"path": "{language}.warc"}).kept["text"].item()


def test_what_is_not_html_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "fi.warc").write_bytes(response("https://a.example/a.png", b"x", header="image/png"))
    assert reasons(made(tmp_path, {"path": "{language}.warc"})) == ["not_html"]


def test_texts_of_a_wet_archive_are_read_as_they_are(tmp_path: Path) -> None:
    text = SENTENCE.encode()
    head = f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://a.example/\r\nContent-Length: {len(text)}"
    (tmp_path / "fi.warc.wet.gz").write_bytes(gzip.compress(head.encode() + b"\r\n\r\n" + text + b"\r\n\r\n"))
    kept = made(tmp_path, {"path": "{language}.warc.wet.gz"}).kept
    assert kept.select("text", "extractor", "url").row(0) == (SENTENCE, "none", "https://a.example/")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("length", [100_000, 700, 30, -5])
def test_a_record_that_lies_about_its_length_is_dropped_alone(tmp_path: Path, length: int, packed: bool) -> None:
    records = [gzip.compress(one) if packed else one for one in three(length)]
    (tmp_path / "fi.warc").write_bytes(b"".join(records))
    split = made(tmp_path, {"path": "{language}.warc"})
    assert (urls(split), reasons(split)) == (["a", "c"], ["broken_record"])
    assert split.dropped["origin"].item() == f"fi.warc#{len(records[0])}"


def test_a_broken_member_of_an_archive_is_dropped_alone(tmp_path: Path) -> None:
    a, b, c = [gzip.compress(one) for one in three()]
    (tmp_path / "fi.warc.gz").write_bytes(a + b[:-30] + c)
    split = made(tmp_path, {"path": "{language}.warc.gz"})
    assert (urls(split), reasons(split)) == (["a", "c"], ["broken_record"])


@pytest.mark.parametrize("place", [0, 4, 14])
def test_a_member_that_breaks_in_its_first_bytes_is_a_drop_too(tmp_path: Path, place: int) -> None:
    a, b, c = [gzip.compress(one) for one in three()]
    (tmp_path / "fi.warc.gz").write_bytes(a + b[:place] + b"\xff" * 20 + b[place + 20 :] + c)
    split = made(tmp_path, {"path": "{language}.warc.gz"})
    assert (urls(split), reasons(split)) == (["a", "c"], ["broken_record"])
    assert split.dropped["origin"].item() == f"fi.warc.gz#{len(a)}"


def test_a_truncated_archive_loses_its_last_record(tmp_path: Path) -> None:
    (tmp_path / "fi.warc.gz").write_bytes(b"".join(gzip.compress(one) for one in three())[:-40])
    split = made(tmp_path, {"path": "{language}.warc.gz"})
    assert (urls(split), reasons(split)) == (["a", "b"], ["broken_record"])


def test_a_page_the_server_packed_is_bounded(tmp_path: Path) -> None:
    body, header = gzip.compress(b" " * 10_000_000), "text/html\r\nContent-Encoding: gzip"
    (tmp_path / "fi.warc").write_bytes(response("https://a.example/", body, header=header))
    assert reasons(made(tmp_path, {"path": "{language}.warc"})) in (["empty_page"], ["page_too_large"])


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("cc_net__sample.warc.txt", {"kept": 2}),
        ("warcio__example.warc.gz", {"kept": 1}),
        ("warcio__example-bad-non-chunked.warc.gz", {"kept": 1}),
        ("whirlwind-python__whirlwind.warc.gz", {"kept": 1}),
        ("whirlwind-python__whirlwind.warc.wet.gz", {"kept": 1}),
    ],
)
def test_real_archives_are_read(name: str, counts: dict[str, int]) -> None:
    if not (REAL / "warc" / name).exists():
        pytest.skip(f"SKIPPED FOR WANT OF REAL DATA: {REAL / 'warc' / name} is not there (XI_SHARED_DATA)")
    form = "wet" if "wet" in name or "cc_net" in name else "warc"
    split = made(REAL / "warc", {"path": name, "format": form, "languages": ["fi"]}, max_page_bytes=5_000_000)
    assert {"kept": split.kept.height, **dict(split.dropped["reason"].value_counts().iter_rows())} == counts


def test_a_real_archive_of_many_encodings_is_read(tmp_path: Path) -> None:
    name = "chatnoir-resiliparse__warcfile.warc.gz"
    if not (REAL / "warc" / name).exists():
        pytest.skip(f"SKIPPED FOR WANT OF REAL DATA: {REAL / 'warc' / name} is not there (XI_SHARED_DATA)")
    split = made(REAL / "warc", {"path": name, "languages": ["fi"]}, max_page_bytes=5_000_000)
    assert split.kept.height + split.dropped.height == 16  # 16 responses, four of them in GBK or Windows-1251
    assert not set(reasons(split)) - {"empty_page", "invalid_utf8"}
    assert "\ufffd" not in "".join(split.kept["text"])


# Routing


def test_each_language_takes_its_own_documents_from_a_shared_source(tmp_path: Path) -> None:
    lines(tmp_path / "all.jsonl", {"text": SENTENCE}, {"text": ENGLISH})
    split = made(tmp_path, {"path": "all.jsonl"})
    assert split.kept["text"].to_list() == [SENTENCE]
    assert split.dropped.select("reason", "value", "text").rows() == [("other_language", "judged en", "")]


def test_a_labelled_source_is_not_routed(tmp_path: Path) -> None:
    lines(tmp_path / "fi.jsonl", {"text": ENGLISH})
    assert made(tmp_path, {"path": "{language}.jsonl"}).kept.height == 1


def test_another_languages_documents_are_not_bad() -> None:
    assert not {"other_language", *raw_web_text.NO_PAGE} & set(raw_web_text.BAD)


# Encodings


@pytest.mark.parametrize("language", IN_WINDOWS)
def test_an_undeclared_8_bit_encoding_is_found(language: str) -> None:
    encoding, text = IN_WINDOWS[language]
    assert decode((text + ". ").encode(encoding) * 5, None, is_html=False) == (text + ". ") * 5


def test_utf8_stays_utf8_whatever_the_page_declares() -> None:
    html = f'<meta charset="windows-1251"><p>{SENTENCE}'
    assert decode(html.encode(), "koi8-r", is_html=True) == html


def test_mixed_encodings_have_no_one_reading() -> None:
    with pytest.raises(UndecodableError, match="byte 75 is not UTF-8"):
        decode(("ä" * 30 + "a" * 15).encode() + b"\xe4\xe4 ", None, is_html=False)


@pytest.mark.parametrize("language", MARKED)
def test_joiners_and_combining_marks_of_the_language_survive(language: str) -> None:
    assert normalise(MARKED[language]) == unicodedata.normalize("NFC", MARKED[language])


def test_quotes_widths_and_ligatures_are_left_as_they_are() -> None:
    assert normalise("“lainaus” ﬁ Ａ … ’") == "“lainaus” ﬁ Ａ … ’"


# Bad input: dropped with file, offset and reason, and the rest is read


def bad(root: Path, name: str, data: bytes, **limits: Any) -> tuple[str, str, str]:
    """Reason, place and value of the drop that a bad file makes beside a good one."""
    (root / "fi").mkdir()
    (root / "fi" / name).write_bytes(data)
    lines(root / "fi" / "zz.jsonl", {"text": "hyvä rivi"})
    split = made(root, {"path": "{language}"}, **limits)
    assert split.kept["text"].to_list()[-1:] == ["hyvä rivi"]
    return split.dropped.select("reason", "origin", "value").row(-1)


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_truncated_file_gives_what_it_has(tmp_path: Path, ending: str) -> None:
    data = b"".join(f'{{"text": "rivi {number} {os.urandom(500).hex()}"}}\n'.encode() for number in range(400))
    packed = gzip.compress(data) if ending == "gz" else zstd(data, tmp_path / "packed")
    reason, origin, _ = bad(tmp_path, f"a.jsonl.{ending}", packed[:-2000])
    assert reason == "truncated_file"
    assert int(origin.removeprefix(f"fi/a.jsonl.{ending}#")) >= 380


def test_a_compressed_file_that_is_none_is_dropped(tmp_path: Path) -> None:
    assert bad(tmp_path, "a.jsonl.gz", b'{"text": "not gzip"}')[:2] == ("truncated_file", "fi/a.jsonl.gz#0")


def test_a_decompression_bomb_is_left(tmp_path: Path) -> None:
    reason, _, value = bad(tmp_path, "a.jsonl.gz", gzip.compress(b'{"text": "' + b"0" * 30_000_000))
    assert reason == "decompression_bomb" and "more than 50 times" in value


def test_a_page_that_is_too_large_is_dropped_unread(tmp_path: Path) -> None:
    assert bad(tmp_path, "a.html", page() * 200)[:2] == ("page_too_large", "fi/a.html#0")


def test_a_page_nested_too_deep_is_dropped(tmp_path: Path) -> None:
    data = b"<html><body>" + b"<div>" * 100_000 + SENTENCE.encode()
    assert bad(tmp_path, "a.html", data, max_page_bytes=1_000_000)[:2] == ("nested_too_deep", "fi/a.html#0")


def test_a_line_that_is_too_long_is_dropped_and_the_next_is_read(tmp_path: Path) -> None:
    data = b'{"text": "eka"}\n{"text": "' + b"x" * 200_000 + b'"}\n{"text": "kolmas"}\n'
    assert bad(tmp_path, "a.jsonl", data)[:2] == ("line_too_long", "fi/a.jsonl#1")


def test_nul_bytes_are_no_text(tmp_path: Path) -> None:
    assert bad(tmp_path, "a.html", page() + b"\0\0")[:2] == ("nul_bytes", "fi/a.html#0")


def test_a_lone_surrogate_is_no_text_even_in_a_name(tmp_path: Path) -> None:
    data = b'{"text": "a\\ud800b"}\n{"text": "toinen", "title": "a\\ud800b"}\n'
    assert bad(tmp_path, "a.jsonl", data)[:2] == ("invalid_utf8", "fi/a.jsonl#0")


def test_text_called_parquet_is_dropped(tmp_path: Path) -> None:
    assert bad(tmp_path, "a.parquet", b"tavallista teksti\xc3\xa4\n")[:2] == ("unreadable_file", "fi/a.parquet#0")


def test_a_table_without_the_column_is_dropped(tmp_path: Path) -> None:
    pl.DataFrame({"body": ["sana"]}).write_parquet(tmp_path / "a.parquet")
    reason, origin, value = bad(tmp_path, "a.parquet", (tmp_path / "a.parquet").read_bytes())
    assert (reason, origin) == ("missing_column", "fi/a.parquet#0")
    assert value == "no column `text` but body: mend `columns` of the source"


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.warc", "a.jsonl.gz", "a.wet"])
def test_an_empty_file_is_dropped(tmp_path: Path, name: str) -> None:
    assert bad(tmp_path, name, b"")[:2] == ("empty_file", f"fi/{name}#0")


@pytest.mark.parametrize("url", ["not a url", "/only/a/path", "https://[broken/", "http://a b.example/"])
def test_an_address_that_is_none_is_dropped(tmp_path: Path, url: str) -> None:
    data = json.dumps({"text": "sana", "url": url}).encode() + b"\n"
    assert bad(tmp_path, "a.jsonl", data)[0] == "invalid_url"


def test_bytes_that_are_no_archive_are_dropped(tmp_path: Path) -> None:
    assert bad(tmp_path, "a.warc", b"hello world\n" * 30)[:2] == ("broken_record", "fi/a.warc#0")


def test_above_the_set_share_the_gate_closes_with_the_counts(
    make_job: Callable[..., Job], capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job("raw_web_text", raw_web_text=given({"path": "{language}"}))
    lines(job.root / "fi" / "a.jsonl", {"text": "hyvä"}, {"text": "x", "url": "no url"}, "{", "[]")
    job.staging.mkdir(parents=True)
    raw_web_text.run(job)
    metrics = raw_web_text.measure(job)
    assert (metrics["bad_share"], metrics["bad_records"]) == (0.75, "2 unreadable_record, 1 invalid_url")
    assert "of 4 records bad are 2 unreadable_record, 1 invalid_url" in capsys.readouterr().err
    suite = load_suite(ROOT / "stages" / "expectations" / "raw_web_text.yaml", job.settings)
    assert next(one.at_most for one in suite if one.metric == "bad_share") == LIMITS["max_bad_share"]
