"""Damage in a zstd frame loses the rest of that frame only, and the lost bytes are counted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from stages.raw_web_text.zstd_frames import ZstdFrames
from tests.stages.raw_web_text.sources import records, texts, zstd

FIRST = [json.dumps({"text": f"eka {number} {hash(str(number) * 9):x}"}) for number in range(4000)]
SECOND = [json.dumps({"text": f"toka {number}"}) for number in range(6)]


@pytest.fixture
def frames(tmp_path: Path) -> tuple[bytes, bytes]:
    return tuple(zstd(("\n".join(rows) + "\n").encode(), tmp_path / "packed") for rows in (FIRST, SECOND))  # type: ignore[return-value]


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
    found, bad = records(tmp_path / "a.jsonl.zst", bytes(first) + frames[1], max_expansion=400)
    assert found[-6:] == texts(SECOND)
    assert len(found) > 3500
    assert [reason for reason, _ in bad if reason == "broken_file"] == ["broken_file"]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_rows_after_damaged_bytes_in_a_frame_are_read(
    tmp_path: Path, frames: tuple[bytes, bytes], share: float
) -> None:
    first, at = bytearray(frames[0]), int(len(frames[0]) * share)
    first[at : at + 30] = b"\x00\xff" * 15
    found, bad = records(tmp_path / "a.jsonl.zst", bytes(first) + frames[1], max_expansion=400)
    assert found[-6:] == texts(SECOND)
    assert "broken_file" in dict(bad)


def second_block(frame: bytes) -> int:
    """The place of the second block's header in a frame that does not state the size of its content."""
    first = 6
    assert frame[4] >> 5 == 0 and frame[4] & 3 == 0
    return first + 3 + (int.from_bytes(frame[first : first + 3], "little") >> 3)


def test_an_unknown_block_loses_the_rest_of_the_frame_and_its_bytes_are_counted(
    tmp_path: Path, frames: tuple[bytes, bytes]
) -> None:
    first = bytearray(frames[0])
    first[second_block(frames[0])] |= 6  # block type 3 does not exist
    found, bad = records(tmp_path / "a.jsonl.zst", bytes(first) + frames[1], max_expansion=400)
    assert found[:3000] + found[-6:] == texts(FIRST)[:3000] + texts(SECOND)
    left = len("\n".join(FIRST)) - 2**17  # the first block has 128 KiB of text
    assert 0.8 < dict(bad)["broken_file"] / left < 1.3


def test_a_broken_header_loses_only_its_frame(tmp_path: Path, frames: tuple[bytes, bytes]) -> None:
    found, bad = records(tmp_path / "a.jsonl.zst", frames[1] + b"\0" + frames[0][1:] + frames[1], max_expansion=400)
    assert found == texts(SECOND) * 2
    assert dict(bad)["broken_file"] >= len(frames[0])


def test_a_truncated_frame_is_damage(tmp_path: Path, frames: tuple[bytes, bytes]) -> None:
    found, bad = records(tmp_path / "a.jsonl.zst", frames[1] + frames[0][:-2000], max_expansion=400)
    assert found[:6] == texts(SECOND)
    assert "broken_file" in dict(bad)
