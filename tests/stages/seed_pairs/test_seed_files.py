"""Seed files are read in each format; an unusable file is reported in one sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from stages.seed_pairs.seed_files import OF_LINE, OF_TRANSLATION, place, read_seeds
from stages.seed_pairs.settings import SeedSource
from tests.stages.seed_pairs.rows import PAIR, write
from x_instruction.runner.errors import InputError

SOURCE = SeedSource(folder="seeds")


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_each_format_is_read(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"seeds/fi{suffix}", PAIR, {**PAIR, "response": None})
    first, second = read_seeds(tmp_path, SeedSource(folder="seeds", suffix=suffix), "fi").rows(named=True)
    assert first == {
        **PAIR,
        "origin": "native",
        "translator": "",
        "measure_only": False,
        **dict.fromkeys((*OF_LINE, *OF_TRANSLATION), ""),
        "source": f"seeds/fi{suffix}#1",
    }
    assert (second["response"], second["source"]) == (None, f"seeds/fi{suffix}#2")


@pytest.mark.parametrize(
    ("translated", "origin"),
    [
        (True, "translated"),
        (1, "translated"),
        ("True", "translated"),
        ("false", "native"),
        (0, "native"),
        (None, "native"),
    ],
)
def test_a_file_can_mark_translated_rows(tmp_path: Path, translated: object, origin: str) -> None:
    write(tmp_path / "seeds/fi.jsonl", {**PAIR, "translated": translated, "translator": "a person"})
    row = read_seeds(tmp_path, SOURCE, "fi").row(0, named=True)
    assert (row["origin"], row["translator"]) == (origin, "a person")


@pytest.mark.parametrize(("given", "expected"), [(True, True), ("yes", True), (False, False), (None, False)])
def test_a_file_can_mark_rows_that_are_only_for_measuring(tmp_path: Path, given: object, expected: bool) -> None:
    write(tmp_path / "seeds/fi.jsonl", {**PAIR, "measure_only": given})
    assert read_seeds(tmp_path, SOURCE, "fi")["measure_only"].to_list() == [expected]


def test_english_pairs_come_from_the_english_file(tmp_path: Path) -> None:
    write(tmp_path / "seeds/en.jsonl", PAIR)
    row = read_seeds(tmp_path, SeedSource(folder="seeds", language="en"), "fi").row(0, named=True)
    assert (row["origin"], row["source"]) == ("english", "seeds/en.jsonl#1")


@pytest.mark.parametrize("value", [["Say."], {"role": "user", "content": "Say."}])
def test_a_column_without_text_is_named(tmp_path: Path, value: object) -> None:
    write(tmp_path / "seeds/fi.parquet", {**PAIR, "instruction": value})
    with pytest.raises(
        InputError, match=r"column `instruction` of .*fi\.parquet holds (List|Struct).*: give one text per row"
    ):
        read_seeds(tmp_path, SeedSource(folder="seeds", suffix=".parquet"), "fi")


@pytest.mark.parametrize(
    ("source", "name"), [(SOURCE, "fi"), (SeedSource(folder="seeds", language="en"), "en")], ids=["native", "english"]
)
def test_a_missing_file_is_named(tmp_path: Path, source: SeedSource, name: str) -> None:
    with pytest.raises(InputError, match=rf"seeds/{name}\.jsonl does not exist; add the file, or remove its source"):
        read_seeds(tmp_path, source, "fi")


def test_a_missing_column_is_named_together_with_the_columns_of_the_file(tmp_path: Path) -> None:
    write(tmp_path / "seeds/fi.jsonl", {"instruction": "Say.", "answer": "kolme ihan hyvää"})
    with pytest.raises(InputError, match="has no column `response`; it has instruction, answer"):
        read_seeds(tmp_path, SOURCE, "fi")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json\n",
        b'{"instruction": "a", "resp',
        json.dumps([PAIR]).encode(),
        json.dumps(PAIR).encode("utf-16"),
        b'{"instruction": 1, "response": 2}',
    ],
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/fi.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=r"seeds/fi\.jsonl has no usable row: .*; give JSON Lines in UTF-8"):
        read_seeds(tmp_path, SOURCE, "fi")


BAD_LINES = ['{"instruction": "a", "resp', "not json", '["Say."]', "7", '{"instruction": ["a"], "response": "b"}']


@pytest.mark.parametrize("bad", BAD_LINES)
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_a_bad_line_becomes_a_row_without_values(tmp_path: Path, bad: str, suffix: str) -> None:
    text = "\n".join([json.dumps(PAIR), bad, json.dumps(PAIR)]).encode()
    path = tmp_path / f"seeds/fi{suffix}"
    path.parent.mkdir()
    with pa.output_stream(str(path), compression="detect") as file:
        file.write(text)
    rows = read_seeds(tmp_path, SeedSource(folder="seeds", suffix=suffix), "fi")
    assert rows["response"].to_list() == [PAIR["response"], None, PAIR["response"]]
    assert [reason != "" for reason in rows["bad_line"]] == [False, True, False]
    assert rows["cause"][1]


def test_blank_lines_are_counted_in_the_numbers_of_lines(tmp_path: Path) -> None:
    line = json.dumps(PAIR)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/fi.jsonl").write_text(f"\n \n{line}\n\nnot json\n{line}\n")
    rows = read_seeds(tmp_path, SOURCE, "fi")
    assert rows["source"].to_list() == [f"seeds/fi.jsonl#{number}" for number in (3, 5, 6)]
    assert rows["cause"].to_list() == ["", "Expecting value at character 1", ""]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("seeds/fi.jsonl#3", "seeds/fi.jsonl, line 3"),
        ("a#1/fi.jsonl.gz#12", "a#1/fi.jsonl.gz, line 12"),
        ("seeds/fi.parquet#3", "seeds/fi.parquet, row 3"),
    ],
)
def test_a_place_names_a_line_of_json_or_a_row_of_parquet(source: str, shown: str) -> None:
    assert pl.DataFrame({"source": [source]}).select(place()).item() == shown


def test_a_file_with_other_field_names_is_refused_with_its_fields(tmp_path: Path) -> None:
    write(tmp_path / "seeds/fi.jsonl", {"prompt": "Say.", "answer": "kolme"})
    with pytest.raises(InputError, match="has no column `instruction`; it has prompt, answer"):
        read_seeds(tmp_path, SOURCE, "fi")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{"tags": NaN', '{"tags": 1'),
        ('{"tags": {"a": 1}', '{"tags": "a"'),
        ('{"tags": {"x": [1, {"y": 2}]}', '{"tags": {"x": 3}'),
        ('\ufeff{"tags": 1', '{"tags": "\\ud800"'),
    ],
)
def test_odd_values_and_a_byte_order_mark_do_no_harm(tmp_path: Path, first: str, second: str) -> None:
    rest = json.dumps(PAIR).removeprefix("{")
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/fi.jsonl").write_bytes(f"{first}, {rest}\r\n{second}, {rest}\r\n".encode())
    assert read_seeds(tmp_path, SOURCE, "fi")["response"].to_list() == [PAIR["response"]] * 2


def test_a_lone_surrogate_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/fi.jsonl").write_text(json.dumps({**PAIR, "instruction": "Say \ud800."}))
    assert read_seeds(tmp_path, SOURCE, "fi")["instruction"].item() == "Say ?."


@pytest.mark.parametrize("kind", [pa.timestamp("ms"), pa.month_day_nano_interval(), pa.duration("s")])
def test_a_bad_value_in_an_unused_column_does_not_matter(tmp_path: Path, kind: pa.DataType) -> None:
    (tmp_path / "seeds").mkdir()
    column = pa.nulls(1, kind) if "interval" in str(kind) else pa.array([910_692_730_085_477], kind)
    table = pa.table({**{name: [text] for name, text in PAIR.items()}, "when": column})
    try:
        pq.write_table(table, tmp_path / "seeds/fi.parquet")
    except pa.ArrowNotImplementedError:
        pytest.skip(f"Parquet cannot hold {kind}")
    assert read_seeds(tmp_path, SeedSource(folder="seeds", suffix=".parquet"), "fi").height == 1


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    os.mkfifo(tmp_path / "seeds/fi.jsonl")
    with pytest.raises(InputError, match="is not a file but a folder, pipe or device"):
        read_seeds(tmp_path, SOURCE, "fi")
