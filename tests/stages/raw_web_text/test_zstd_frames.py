"""Damage in a zstd frame loses the rest of that frame only, and the lost bytes are counted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from stages.raw_web_text.records import read_sources
from stages.raw_web_text.zstd_frames import ZstdFrames
from tests.stages.raw_web_text.sources import given, zstd

FIRST = [json.dumps({"text": f"eka {number} {hash(str(number) * 9):x}"}) for number in range(4000)]
SECOND = [json.dumps({"text": f"toka {number}"}) for number in range(6)]


@pytest.fixture
def frames(tmp_path: Path) -> tuple[bytes, bytes]:
    return tuple(zstd(("\n".join(rows) + "\n").encode(), tmp_path / "packed") for rows in (FIRST, SECOND))  # type: ignore[return-value]


def records(path: Path, data: bytes) -> tuple[list[str], list[tuple[str, int]]]:
    """The texts that are read, and the reason and lost bytes of each bad record."""
    path.write_bytes(data)
    frame = pl.concat(
        read_sources(given({"path": path.name, "languages": ["fi"]}, max_expansion=400), "fi", path.parent)
    )
    good = frame.filter(pl.col("reason").is_null())
    bad = frame.filter(pl.col("reason").is_not_null()).with_columns(pl.col("lost").fill_null(0))
    return [body.decode() for body in good["body"]], bad.select("reason", "lost").rows()


def texts(rows: list[str]) -> list[str]:
    return [json.loads(row)["text"] for row in rows]


def test_frames_are_read_as_the_library_reads_them(frames: tuple[bytes, bytes]) -> None:
    skipped = b"\x5a\x2a\x4d\x18\x05\x00\x00\x00abcde"
    for data in (frames[0], frames[0] + frames[1], frames[1] + skipped + frames[0], frames[1] * 9):
        reader, found = ZstdFrames(io.BufferedReader(io.BytesIO(data))), b""  # type: ignore[arg-type]
        while part := reader.read():
            found += part
        assert found == pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
        assert (reader.consumed, reader.damage.first) == (len(data), "")


def test_rows_after_a_wrong_checksum_are_read(tmp_path: Path, frames: tuple[bytes, bytes]) -> None:
    first = bytearray(frames[0])
    first[-2] ^= 0xFF
    found, bad = records(tmp_path / "a.jsonl.zst", bytes(first) + frames[1])
    assert found[-6:] == texts(SECOND)
    assert len(found) > 3500
    assert [reason for reason, _ in bad if reason == "broken_file"] == ["broken_file"]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_damage_loses_the_rest_of_the_frame_and_its_bytes_are_counted(
    tmp_path: Path, frames: tuple[bytes, bytes], share: float
) -> None:
    first, at = bytearray(frames[0]), int(len(frames[0]) * share)
    first[at : at + 30] = b"\x00\xff" * 15
    found, bad = records(tmp_path / "a.jsonl.zst", bytes(first) + frames[1])
    assert found[-6:] == texts(SECOND)
    assert dict(bad)["broken_file"] >= 0


def test_a_broken_header_loses_only_its_frame(tmp_path: Path, frames: tuple[bytes, bytes]) -> None:
    found, bad = records(tmp_path / "a.jsonl.zst", frames[1] + b"\0" + frames[0][1:] + frames[1])
    assert found == texts(SECOND) * 2
    assert dict(bad)["broken_file"] >= len(frames[0])


def test_a_truncated_frame_is_damage(tmp_path: Path, frames: tuple[bytes, bytes]) -> None:
    found, bad = records(tmp_path / "a.jsonl.zst", frames[1] + frames[0][:-2000])
    assert found[:6] == texts(SECOND)
    assert "broken_file" in dict(bad)
