"""Parquet rows with a bad text or in a broken row group are dropped, and other bad values are left out."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from tests.stages.raw_web_text.sources import made, reasons

LATIN = "hyvä rivi".encode("latin-1")


def write(path: Path, bad_texts: set[int] = frozenset(), bad_titles: set[int] = frozenset(), rows: int = 60) -> None:  # type: ignore[assignment]
    """Writes numbered rows in row groups of 20. The values in `bad_texts` and `bad_titles` are not UTF-8."""
    texts = [LATIN if row in bad_texts else f"hyvä rivi {row}".encode() for row in range(rows)]
    titles = [LATIN if row in bad_titles else f"otsikko {row}".encode() for row in range(rows)]
    columns = [pa.array(values, pa.binary()).view(pa.string()) for values in (texts, titles)]
    pq.write_table(
        pa.table(columns, names=["text", "title"]), path, row_group_size=20, use_dictionary=False, compression="none"
    )


@pytest.mark.parametrize("bad", [{30}, {0}, {59}, {7, 8, 41}])
def test_a_text_that_is_not_utf8_loses_its_row(tmp_path: Path, bad: set[int]) -> None:
    write(tmp_path / "a.parquet", bad_texts=bad)
    split = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]})
    assert split.kept["text"].to_list() == [f"hyvä rivi {row}" for row in range(60) if row not in bad]
    assert (reasons(split), len(split.dropped)) == (["invalid_utf8"] * len(bad), len(bad))
    assert split.dropped["origin"].to_list() == [f"a.parquet#{row}" for row in sorted(bad)]


def test_a_title_that_is_not_utf8_loses_only_the_title(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", bad_titles={3})
    kept = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]}).kept
    assert (kept.height, kept["title"][2], kept["title"][3]) == (60, "otsikko 2", "")


def test_a_broken_row_group_loses_its_rows_and_each_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet")
    column = pq.read_metadata(tmp_path / "a.parquet").row_group(1).column(0)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[column.data_page_offset : column.data_page_offset + 40] = b"\xff" * 40
    (tmp_path / "a.parquet").write_bytes(data)
    split = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]})
    assert split.kept.height == 40
    assert reasons(split) == ["unreadable_record"] * 20
    assert split.dropped["value"][0].startswith("row group 1 of a.parquet is broken: ")


FAR = 910_692_730_085_477  # a time in the year 30828, in milliseconds
VALUES = {
    "a time in the year 30828": (pa.array([FAR, 0], pa.timestamp("ms")), "30828-09-14 02:48:05.477"),
    "a time in an unknown zone": (pa.array([0, 0], pa.timestamp("us", "Europe/Nowhere")), "1970-01-01 00:00:00.000000"),
    "a day before the year 1": (pa.array([-999_999, 0], pa.date32()), "-0768-02-05"),
    "a day that Arrow cannot write": (pa.array([10**17, 0], pa.date64()), ""),
    "a duration of an age": (pa.array([2**60, 0], pa.duration("s")), str(2**60)),
    "a list with such a time": (pa.array([[FAR], [0]], pa.list_(pa.timestamp("ms"))), ""),
    "a record with such a time": (pa.array([{"at": FAR}, None], pa.struct([("at", pa.timestamp("ms"))])), ""),
    "a map": (pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int32())), "[('a', 1)]"),
    "bytes": (pa.array([b"\xff\xfe", b""], pa.binary()), "b'\\xff\\xfe'"),
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("column", ["date", "title", "license", "id"])
def test_no_value_of_the_provenance_loses_its_row(tmp_path: Path, kind: str, column: str) -> None:
    values, text = VALUES[kind]
    pq.write_table(pa.table({"text": ["eka rivi", "toka rivi"], column: values}), tmp_path / "a.parquet")
    split = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]})
    assert (split.kept["text"].to_list(), reasons(split)) == (["eka rivi", "toka rivi"], [])
    assert split.kept[{"id": "source_id"}.get(column, column)][0] == text


@pytest.mark.parametrize("address", [7, [1, 2], {"a": "b"}, 2.5])
def test_an_address_that_is_not_text_becomes_none_and_loses_no_row(tmp_path: Path, address: object) -> None:
    pq.write_table(pa.table({"text": ["eka rivi"], "url": [address]}), tmp_path / "a.parquet")
    split = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]})
    assert (split.kept["url"].to_list(), reasons(split)) == ([""], [])


def test_a_text_column_value_that_python_cannot_hold_loses_its_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([FAR, 0], pa.timestamp("ms"))}), tmp_path / "a.parquet")
    drops = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]}).dropped
    assert drops.select("reason", "value").rows() == [
        ("unreadable_record", "`text` is not readable: date value out of range"),
        ("unreadable_record", "`text` is datetime, not text"),
    ]


@pytest.mark.parametrize("group", [0, 1, 2])
def test_a_broken_column_of_the_provenance_loses_no_row(
    tmp_path: Path, group: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a.parquet")
    column = pq.read_metadata(tmp_path / "a.parquet").row_group(group).column(1)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[column.data_page_offset : column.data_page_offset + 40] = b"\xff" * 40
    (tmp_path / "a.parquet").write_bytes(data)
    split = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]})
    assert split.kept["text"].to_list() == [f"hyvä rivi {row}" for row in range(60)]
    titles = ["" if row // 20 == group else f"otsikko {row}" for row in range(60)]
    assert (split.kept["title"].to_list(), reasons(split)) == (titles, [])
    assert "its texts are read without title" in capsys.readouterr().err
