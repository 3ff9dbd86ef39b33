"""Files of sources are found, decompressed and read; a broken file is dropped."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
import polars as pl
import pytest
from pydantic import ValidationError

from stages.raw_web_text.settings import Source
from tests.stages.raw_web_text.sources import drop_of, given, lines, made, page, zstd
from x_instruction.runner.errors import InputError
from x_instruction.runner.shards import DROPS, write_shard

# Places and names of files


def test_a_glob_reads_the_matching_files_and_names_them_by_their_path(tmp_path: Path) -> None:
    for name in ("b/2.jsonl", "a/1.jsonl", "a/skip.txt"):
        lines(tmp_path / "web" / name, {"text": name})
    kept = made(tmp_path, {"path": "web/**/*.jsonl", "languages": ["fi"]}).kept
    assert kept["source"].to_list() == ["web/a/1.jsonl", "web/b/2.jsonl"]


def test_the_name_of_a_file_decides_how_it_is_read(tmp_path: Path) -> None:
    lines(tmp_path / "fi" / "a.jsonl", {"text": "yksi"})
    (tmp_path / "fi" / "b.HTM").write_bytes(page())
    assert made(tmp_path, {"path": "{language}"}).kept["extractor"].str.slice(0, 4).to_list() == ["none", "traf"]


def test_a_url_is_read_through_fsspec(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/crawl/fi.jsonl", b'{"text": "muistista"}\n')
    kept = made(tmp_path, {"path": "memory://crawl/{language}.jsonl", "revision": "1"}).kept
    assert (kept["text"].item(), kept["source"].item()) == ("muistista", "memory:///crawl/fi.jsonl")


def test_a_url_without_revision_is_refused() -> None:
    with pytest.raises(ValidationError, match="set `revision`"):
        Source(path="s3://bucket/{language}.parquet")


@pytest.mark.parametrize(
    ("key", "value"), [("content", "html"), ("columns", {"text": "body"})], ids=["content", "columns"]
)
def test_settings_of_a_text_column_are_refused_for_archives(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=f"`{key}` cannot be set for warc: remove it"):
        Source.model_validate({"path": "a.warc", "format": "warc", key: value})


def test_a_source_of_other_languages_is_left_out(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", {"text": "kyllä"})
    sources = [{"path": "a.jsonl", "languages": ["fi"]}, {"path": "none.jsonl", "languages": ["sw"]}]
    assert made(tmp_path, *sources).kept["text"].to_list() == ["kyllä"]


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="source web/fi does not exist: put the fi pages there"):
        made(tmp_path, {"path": "web/{language}"})


def test_a_file_of_another_kind_is_to_be_converted(tmp_path: Path) -> None:
    (tmp_path / "fi.csv").write_text("text\nrivi\n")
    with pytest.raises(
        InputError, match=r"no file of a known kind \(.*\) but 1 other files or folders: convert them, or set `format`"
    ):
        made(tmp_path, {"path": "{language}.csv"})


def test_a_pattern_below_a_file_matches_nothing(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", {"text": "kyllä"})
    with pytest.raises(InputError, match=r"source a\.jsonl/\*\.jsonl does not exist"):
        made(tmp_path, {"path": "a.jsonl/*.jsonl"})


def test_a_folder_without_pages_is_named(tmp_path: Path) -> None:
    lines(tmp_path / "web" / "fi" / "readme.txt")
    with pytest.raises(InputError, match=r"source web/fi has no file of a known kind"):
        made(tmp_path, {"path": "web/{language}"})


def test_local_sources_are_dependencies_and_remote_sources_are_not(tmp_path: Path) -> None:
    sources: list[dict[str, Any]] = [
        {"path": "data/{language}/*.warc.gz"},
        {"path": "data/one.parquet", "languages": ["sw"]},
        {"path": "s3://bucket/all.jsonl", "revision": "1"},
        {"path": "some/{language}.jsonl", "languages": ["fi", "ur"]},
    ]
    listed = ["data/${item}", "data/one.parquet", "some/fi.jsonl", "some/ur.jsonl", "languages/${item}.yaml"]
    assert given(*sources).inputs(tmp_path) == listed


@pytest.mark.parametrize("path", ["someone/data-{language}", "someone/{language}", "someone/data"])
def test_a_hub_id_is_no_dependency_but_a_folder_is(tmp_path: Path, path: str) -> None:
    source = Source(path=path, format="dataset", languages=["fi"], revision="1")
    assert source.inputs(tmp_path) == []
    (tmp_path / path.replace("{language}", "fi")).mkdir(parents=True)
    assert source.inputs(tmp_path) == [path.replace("{language}", "fi")]


# Tables and datasets


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet", "parquet.gz", "parquet.zst"])
def test_columns_are_named_by_settings_in_any_format(tmp_path: Path, ending: str) -> None:
    row = {"body": "teksti", "link": "https://a.example/", "day": "2020", "terms": "CC0", "key": 7}
    pl.DataFrame([row]).write_parquet(tmp_path / "table")
    data = (tmp_path / "table").read_bytes() if ending.startswith("parquet") else json.dumps(row).encode()
    packed = {"gz": gzip.compress, "st": lambda data: zstd(data, tmp_path / "packed")}.get(ending[-2:])
    (tmp_path / f"fi.{ending}").write_bytes(packed(data) if packed else data)
    columns = {"text": "body", "url": "link", "date": "day", "license": "terms", "id": "key"}
    kept = made(tmp_path, {"path": f"{{language}}.{ending}", "columns": columns}).kept
    assert kept.select("text", "url", "date", "license", "source_id").row(0) == (*list(row.values())[:4], "7")
    assert kept.select("title", "record").row(0) == ("", 0)


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
    lines(tmp_path / "hub" / "train.jsonl", {"text": "yksi"}, {"text": "kaksi"})
    kept = made(tmp_path, {"path": "hub", "format": "dataset", "languages": ["fi"]}).kept
    assert kept.select("text", "record", "source").rows() == [("yksi", 0, "hub/train"), ("kaksi", 1, "hub/train")]


@pytest.mark.parametrize("name", ["train.parquet", "train.jsonl"])
def test_a_dataset_without_the_column_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "hub").mkdir()
    frame = pl.DataFrame({"body": ["yksi", "kaksi"]})
    frame.write_parquet(tmp_path / "hub" / name) if name[-1] == "t" else frame.write_ndjson(tmp_path / "hub" / name)
    with pytest.raises(InputError, match="no record of source hub has a text: in hub/train, there is no column `text`"):
        made(tmp_path, {"path": "hub", "format": "dataset", "languages": ["fi"]})


def test_a_table_of_a_dataset_without_the_column_is_one_drop(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    for number, column in enumerate(("text", "body")):
        frame = pl.DataFrame({column: ["yksi", "kaksi"]})
        frame.write_parquet(tmp_path / "hub" / f"train-0000{number}-of-00002.parquet")
    dropped = made(tmp_path, {"path": "hub", "format": "dataset", "languages": ["fi"]}).dropped
    assert dropped.select("reason", "origin").rows() == [("missing_column", "hub/train#2")]


def test_a_hub_id_without_a_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="set `revision` to the commit"):
        made(tmp_path, {"path": "someone/something", "format": "dataset", "languages": ["fi"]})


# Broken files. Each gives a dropped row that names the file, and the next file is read


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_truncated_file_is_read_up_to_its_end(tmp_path: Path, ending: str) -> None:
    data = b"".join(f'{{"text": "rivi {number} {os.urandom(500).hex()}"}}\n'.encode() for number in range(400))
    packed = gzip.compress(data) if ending == "gz" else zstd(data, tmp_path / "packed")
    reason, origin, value = drop_of(tmp_path, f"a.jsonl.{ending}", packed[:-2000])
    assert reason == "broken_file"
    assert value.startswith(f"fi/a.jsonl.{ending} is damaged or cut off: ")
    assert int(origin.removeprefix(f"fi/a.jsonl.{ending}#")) >= 380


def test_a_file_that_is_not_compressed_although_its_name_says_so_is_dropped(tmp_path: Path) -> None:
    assert drop_of(tmp_path, "a.jsonl.gz", b'{"text": "not gzip"}') == (
        "broken_file",
        "fi/a.jsonl.gz#0",
        "fi/a.jsonl.gz is damaged or cut off: Not a gzipped file (b'{\"')",
    )


def test_a_decompression_bomb_is_dropped(tmp_path: Path) -> None:
    reason, _, value = drop_of(tmp_path, "a.jsonl.gz", gzip.compress(b'{"text": "' + b"0" * 30_000_000))
    assert reason == "decompression_bomb"
    assert value.startswith("fi/a.jsonl.gz grows from ") and value.endswith(" bytes, more than 50 times")


def test_text_with_the_name_of_a_parquet_file_is_dropped(tmp_path: Path) -> None:
    reason, origin, value = drop_of(tmp_path, "a.parquet", b"tavallista teksti\xc3\xa4\n")
    assert (reason, origin) == ("unreadable_file", "fi/a.parquet#0")
    assert value.startswith("fi/a.parquet is not Parquet, or is broken: ")


def test_a_table_without_the_column_is_dropped(tmp_path: Path) -> None:
    pl.DataFrame({"body": ["sana"]}).write_parquet(tmp_path / "a.parquet")
    assert drop_of(tmp_path, "a.parquet", (tmp_path / "a.parquet").read_bytes()) == (
        "missing_column",
        "fi/a.parquet#0",
        "there is no column `text`; the columns are body: set `columns: {text: …}` of the source",
    )


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.warc", "a.jsonl.gz", "a.wet"])
def test_an_empty_file_is_dropped(tmp_path: Path, name: str) -> None:
    reason, origin, value = drop_of(tmp_path, name, b"")
    assert (reason, origin) == ("empty_file", f"fi/{name}#0")
    assert value.startswith(f"fi/{name} has no ")


@pytest.mark.parametrize("name", ["sivut [2024].jsonl", "mitä?.jsonl", "a*b.jsonl", "[fi].jsonl"])
def test_a_file_name_with_pattern_characters_is_taken_literally(tmp_path: Path, name: str) -> None:
    lines(tmp_path / name, {"text": "hyvä rivi"})
    lines(tmp_path / "sivut 2.jsonl", {"text": "toinen"})
    lines(tmp_path / "aXb.jsonl", {"text": "kolmas"})
    source = {"path": name, "languages": ["fi"]}
    assert made(tmp_path, source).kept["text"].to_list() == ["hyvä rivi"]
    assert Source.model_validate(source).inputs(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.jsonl", "a.html", "a.parquet"])
@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_compressed_file_is_unpacked_whatever_its_name(tmp_path: Path, name: str, form: str) -> None:
    plain = tmp_path / "plain"
    if name == "a.parquet":
        pl.DataFrame({"text": ["hyvä rivi"]}).write_parquet(plain)
    else:
        plain.write_bytes(page() if name == "a.html" else b'{"text": "hyv\xc3\xa4 rivi"}')
    data = plain.read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(data) if form == "gzip" else zstd(data, tmp_path / "packed"))
    kept = made(tmp_path, {"path": name, "languages": ["fi"]}).kept
    assert kept.height == 1


@pytest.mark.parametrize(
    "path", ["published/{language}", "published", "published/**/*.parquet", "published/fi/*/*.parquet"]
)
def test_drops_of_a_published_folder_are_not_read_as_documents(tmp_path: Path, path: str) -> None:
    write_shard(pl.DataFrame({"text": ["hyvä rivi"]}), tmp_path / "published" / "fi" / "part-00000.parquet")
    write_shard(pl.DataFrame({"text": ["pudotettu"]}), tmp_path / "published" / "fi" / DROPS / "part-00000.parquet")
    write_shard(pl.DataFrame({"text": ["alempana"]}), tmp_path / "published" / "fi" / "lisää" / "part-00000.parquet")
    assert "pudotettu" not in made(tmp_path, {"path": path, "languages": ["fi"]}).kept["text"].to_list()
