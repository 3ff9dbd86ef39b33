"""JSON Lines and JSON arrays are read record by record, so that a bad record is dropped and all others are read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from stages.raw_web_text import json_files
from tests.stages.raw_web_text.sources import drop_of, lines, made, reasons


def array(root: Path, data: bytes | list[Any], **limits: Any) -> Any:
    """The documents and dropped rows from `array.json`, whose `format` is set to `jsonl`."""
    (root / "array.json").write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return made(root, {"path": "array.json", "format": "jsonl", "languages": ["fi"]}, **limits)


def test_a_line_that_is_not_json_is_dropped_and_the_next_is_read(tmp_path: Path) -> None:
    lines(tmp_path / "fi.jsonl", '{"text": "katke', {"text": "kokonainen rivi"})
    split = made(tmp_path, {"path": "{language}.jsonl"})
    assert reasons(split) == ["unreadable_record"]
    assert split.kept.select("text", "record").rows() == [("kokonainen rivi", 1)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_each_line_of_a_utf_16_file_is_dropped_with_its_encoding(tmp_path: Path, encoding: str) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    text = mark + "".join(f'{{"text": "hyvä rivi {number}"}}\r\n' for number in range(3))
    drop_of(tmp_path, "a.jsonl", text.encode(encoding))
    dropped = made(tmp_path, {"path": "{language}/a.jsonl"}).dropped
    assert dropped.select("reason", "value").rows() == [
        ("invalid_utf8", "fi/a.jsonl is UTF-16: save the file as UTF-8")
    ] * 3  # fmt: skip


def test_a_line_in_another_encoding_is_dropped_with_its_file_and_number(tmp_path: Path) -> None:
    data = '{"text": "eka"}\n{"text": "hyvä rivi"}\n'.encode("cp1252")
    assert drop_of(tmp_path, "a.jsonl", data) == (
        "invalid_utf8", "fi/a.jsonl#1", "byte 13 in line 2 of fi/a.jsonl is not UTF-8: save the file as UTF-8"
    )  # fmt: skip


def test_an_element_in_another_encoding_is_dropped_with_its_file_and_number(tmp_path: Path) -> None:
    dropped = array(tmp_path, '[{"text": "eka"}, {"text": "hyvä rivi"}]'.encode("cp1252")).dropped
    assert dropped.select("reason", "value").rows() == [
        ("invalid_utf8", "element 1 of array.json has a byte that is not UTF-8: save the file as UTF-8")
    ]


def test_a_line_that_is_not_json_is_dropped_with_its_file_and_number(tmp_path: Path) -> None:
    assert drop_of(tmp_path, "a.jsonl", b'{"text": "eka"}\n{"text": x}\n')[2] == (
        "line 2 of fi/a.jsonl is not JSON: Expecting value at character 9"
    )


def test_a_record_without_text_is_dropped(tmp_path: Path) -> None:
    lines(tmp_path / "fi.jsonl", {"text": "sana"}, {"text": None}, {"text": 7}, "[1]")
    assert made(tmp_path, {"path": "{language}.jsonl"}).dropped["value"].to_list() == [
        "`text` is null, not text",
        "`text` is int, not text",
        "a JSON object was expected, not list",
    ]


def test_a_record_without_the_column_is_dropped_with_the_columns_it_has(tmp_path: Path) -> None:
    lines(tmp_path / "fi.jsonl", {"content": "sana", "url": None}, {"body": "hyvä rivi"})
    drop = made(tmp_path, {"path": "{language}.jsonl", "columns": {"text": "body"}}).dropped.row(0, named=True)
    assert (drop["reason"], drop["value"]) == (
        "missing_column",
        "there is no column `body`; the columns are content, url: set `columns: {text: …}` of the source",
    )


def test_a_line_that_is_too_long_is_dropped_and_the_next_is_read(tmp_path: Path) -> None:
    data = b'{"text": "eka"}\n{"text": "' + b"x" * 200_000 + b'"}\n{"text": "kolmas"}\n'
    assert drop_of(tmp_path, "a.jsonl", data) == (
        "record_too_long", "fi/a.jsonl#1", "a line of fi/a.jsonl has more than 50000 bytes"
    )  # fmt: skip


def test_a_lone_surrogate_is_refused_also_in_a_column_name(tmp_path: Path) -> None:
    data = b'{"text": "a\\ud800b"}\n{"text": "toinen", "title": "a\\ud800b"}\n'
    assert drop_of(tmp_path, "a.jsonl", data)[:2] == ("invalid_utf8", "fi/a.jsonl#0")


@pytest.mark.parametrize("data", [b"", b"\n \n", b" [ ]\n"])
def test_a_file_without_records_is_dropped(tmp_path: Path, data: bytes) -> None:
    assert drop_of(tmp_path, "a.jsonl", data) == ("empty_file", "fi/a.jsonl#0", "fi/a.jsonl has no record")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("window", [10, 1 << 20])
@pytest.mark.parametrize("mark", ["", "\ufeff", "\n \n"])
def test_the_elements_of_an_array_are_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None, window: int, mark: str
) -> None:
    monkeypatch.setattr(json_files, "WINDOW", window)
    rows = [{"text": f"rivi {number} [ä, {{}}] \"'", "tags": [{"a": 1.5}, []], "id": 10**30} for number in range(40)]
    split = array(tmp_path, (mark + json.dumps(rows, indent=indent)).encode())
    assert split.kept["text"].to_list() == [row["text"] for row in rows]
    assert split.kept["record"].to_list() == list(range(40))
    assert split.kept["source_id"].unique().to_list() == [str(10**30)]


def test_a_compressed_array_is_read(tmp_path: Path) -> None:
    (tmp_path / "fi.jsonl.gz").write_bytes(gzip.compress(b'[{"text": "yksi"},\n{"text": "kaksi"}]\n'))
    assert made(tmp_path, {"path": "{language}.jsonl.gz"}).kept["text"].to_list() == ["yksi", "kaksi"]


def test_a_bad_element_of_an_array_is_dropped_alone(tmp_path: Path) -> None:
    split = array(tmp_path, b'[{"text": "a"}, 3, {"text": "\xe4"}, {"text": "b\\ud800"}, {"text": NaN}, {"text": "c"}]')
    assert split.kept.select("text", "record").rows() == [("a", 0), ("c", 5)]
    assert reasons(split) == ["unreadable_record", "invalid_utf8", "invalid_utf8", "unreadable_record"]


@pytest.mark.parametrize(
    ("rest", "reason", "value"),
    [
        (b',{"text": ', "broken_file", "element 2 of array.json is not JSON"),
        (b',{"text": x}]', "broken_file", "element 2 of array.json is not JSON"),
        (b',{"text": ' + b"[" * 100_000, "broken_file", "element 2 of array.json is not JSON: maximum recursion"),
        (b',{"text": "' + b"x" * 60_000, "record_too_long", "element 2 of array.json has more than 50000 characters"),
        (b']\n[{"text": "c"}]', "broken_file", "array.json continues after the end of its array: give a single array"),
    ],
)
def test_elements_before_one_that_cannot_be_read_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: bytes, reason: str, value: str
) -> None:
    monkeypatch.setattr(json_files, "WINDOW", 1_000)
    split = array(tmp_path, b'[{"text": "a"}, {"text": "b"}' + rest)
    assert split.kept["text"].to_list() == ["a", "b"]
    drop = split.dropped.row(0, named=True)
    assert (drop["reason"], drop["origin"]) == (reason, "array.json#2")
    assert drop["value"].startswith(value)


DEEP = "[" * 900 + "]" * 900


@pytest.mark.parametrize(("title", "kept"), [("9" * 5000, "9" * 5000), ("1e999", "inf"), (DEEP, None), ("NaN", "nan")])
def test_a_title_of_any_type_does_not_drop_the_row(tmp_path: Path, title: str, kept: str | None) -> None:
    line = f'{{"text": "hyvä rivi", "title": {title}, "id": {title}}}'
    for name, data in {"a.jsonl": line, "b.json": f"[{line}]"}.items():
        (tmp_path / name).write_text(data)
        split = made(tmp_path, {"path": name, "format": "jsonl", "languages": ["fi"]})
        assert (split.kept["text"].to_list(), reasons(split)) == (["hyvä rivi"], [])
        assert kept is None or split.kept["source_id"].item() == kept


def test_a_row_with_lists_nested_too_deeply_is_dropped_alone(tmp_path: Path) -> None:
    for depth in (900, 960, 980, 990, 1000, 5000):
        lines(tmp_path / "fi.jsonl", f'{{"text": "eka", "title": {"[" * depth + "]" * depth}}}', {"text": "toka"})
        assert made(tmp_path, {"path": "{language}.jsonl"}).kept["text"].to_list()[-1] == "toka"


FORMS = {
    "indented": (2, "[\n  {}\n]", ",\n  "),
    "one on a line": (None, "[\n{}\n]", ",\n"),
    "Windows line ends": (None, "[\r\n{}\r\n]", ",\r\n"),
    "line ends between only": (None, "[{}]", ",\n    "),
}
BAD = ['{"text": "rikki', '{"text": "x", }', '{"text": rikki}', '{"text": "a", "links": [{"text": "sisällä"}, {"te']


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bad", BAD)
def test_a_bad_element_on_separate_lines_is_dropped_alone(tmp_path: Path, form: str, bad: str) -> None:
    indent, whole, between = FORMS[form]
    good = [
        json.dumps({"text": f"hyvä {number}", "links": [{"text": "ei"}, {"text": "sivu"}]}, indent=indent)
        for number in range(6)
    ]
    if indent:
        good = [text.replace("\n", "\n  ") for text in good]
    elements = [*good[:2], bad + "}", *good[2:4], bad + "}", *good[4:]]
    split = array(tmp_path, whole.replace("{}", between.join(elements)).encode())
    assert split.kept["text"].to_list() == [f"hyvä {number}" for number in range(6)]
    assert reasons(split) == ["unreadable_record"] * 2
    assert split.kept["record"].to_list() == [0, 1, 3, 4, 6, 7]


def test_the_lost_rest_of_an_array_on_one_line_counts_by_its_bytes(tmp_path: Path) -> None:
    good = json.dumps({"text": "hyvä rivi"})
    rest = '{"text": rikki}, ' + ", ".join([good] * 50) + "]"
    split = array(tmp_path, f"[{good}, {rest}".encode())
    assert (split.kept.height, reasons(split)) == (1, ["broken_file"])
    assert split.counts["bytes_lost_broken_file"] == len(rest)


def test_many_bad_elements_are_skipped(tmp_path: Path) -> None:
    elements = ['{"text": rikki}', '{"text": "hyvä rivi"}'] * 3000
    split = array(tmp_path, ("[\n" + ",\n".join(elements) + "\n]").encode())
    assert (split.kept.height, len(reasons(split))) == (3000, 3000)
