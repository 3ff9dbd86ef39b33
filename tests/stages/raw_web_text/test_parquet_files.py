"""A bad value of a Parquet file costs its row, and a broken row group the rows that are left of it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from tests.stages.raw_web_text.sources import made, reasons

LATIN = "hyvä rivi".encode("latin-1")


def write(path: Path, bad_texts: set[int] = frozenset(), bad_titles: set[int] = frozenset(), rows: int = 60) -> None:  # type: ignore[assignment]
    """Numbered rows, some of whose values are not UTF-8, in row groups of 20."""
    texts = [LATIN if row in bad_texts else f"hyvä rivi {row}".encode() for row in range(rows)]
    titles = [LATIN if row in bad_titles else f"otsikko {row}".encode() for row in range(rows)]
    columns = [pa.array(values, pa.binary()).view(pa.string()) for values in (texts, titles)]
    pq.write_table(
        pa.table(columns, names=["text", "title"]), path, row_group_size=20, use_dictionary=False, compression="none"
    )


@pytest.mark.parametrize("bad", [{30}, {0}, {59}, {7, 8, 41}])
def test_a_text_that_is_not_utf8_costs_its_row(tmp_path: Path, bad: set[int]) -> None:
    write(tmp_path / "a.parquet", bad_texts=bad)
    split = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]})
    assert split.kept["text"].to_list() == [f"hyvä rivi {row}" for row in range(60) if row not in bad]
    assert (reasons(split), len(split.dropped)) == (["invalid_utf8"] * len(bad), len(bad))
    assert split.dropped["origin"].to_list() == [f"a.parquet#{row}" for row in sorted(bad)]


def test_a_title_that_is_not_utf8_costs_nothing_but_the_title(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", bad_titles={3})
    kept = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]}).kept
    assert (kept.height, kept["title"][2], kept["title"][3]) == (60, "otsikko 2", "")


def test_a_broken_row_group_costs_its_rows_and_each_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet")
    column = pq.read_metadata(tmp_path / "a.parquet").row_group(1).column(0)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[column.data_page_offset : column.data_page_offset + 40] = b"\xff" * 40
    (tmp_path / "a.parquet").write_bytes(data)
    split = made(tmp_path, {"path": "a.parquet", "languages": ["fi"]})
    assert split.kept.height == 40
    assert reasons(split) == ["unreadable_record"] * 20
    assert split.dropped["value"][0].startswith("row group 1 of a.parquet is broken: ")
