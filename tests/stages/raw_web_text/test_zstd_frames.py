"""If a zstd frame is damaged, at most the rest of that frame is lost, and the lost bytes are counted."""

from __future__ import annotations

import io
import json
from pathlib import Path
from random import Random

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from stages.raw_web_text.gzip_members import STEP
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.zstd_frames import ZstdFrames
from tests.stages.raw_web_text.sources import given, records, texts, zstd

FIRST = [json.dumps({"text": f"eka {number} {Random(number).getrandbits(64):x}"}) for number in range(4000)]
SECOND = [json.dumps({"text": f"toka {number}"}) for number in range(6)]


@pytest.fixture
def frames(tmp_path: Path) -> tuple[bytes, bytes]:
    return tuple(zstd(("\n".join(rows) + "\n").encode(), tmp_path / "packed") for rows in (FIRST, SECOND))  # type: ignore[return-value]


def test_frames_are_read_as_the_library_reads_them(frames: tuple[bytes, bytes]) -> None:
    skipped = b"\x5a\x2a\x4d\x18\x05\x00\x00\x00abcde"
    for data in (frames[0], frames[0] + frames[1], frames[1] + skipped + frames[0], frames[1] * 9):
        reader, found = ZstdFrames(io.BufferedReader(io.BytesIO(data)), go_on=False), b""  # type: ignore[arg-type]
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


@pytest.mark.parametrize("size", [(1 << 64) - 1, (1 << 62) + 5, 1 << 56])
def test_a_damaged_header_does_not_decide_how_many_bytes_are_lost(
    tmp_path: Path, frames: tuple[bytes, bytes], size: int
) -> None:
    header = b"\x28\xb5\x2f\xfd\xc0\x58" + size.to_bytes(8, "little")
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(frames[1] + header)
    frame = pl.concat(read_sources(given({"path": path.name, "languages": ["fi"]}, max_expansion=400), "fi", tmp_path))
    assert frame.filter(pl.col("reason").is_null()).height == len(SECOND)
    assert 0 < frame["lost"].sum() <= (1 << 20) + 400 * path.stat().st_size


def overwritten(frame: bytes, share: float) -> bytes:
    at = int(len(frame) * share)
    return frame[:at] + b"\x00\xff" * 15 + frame[at + 30 :]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
def test_rows_after_damaged_bytes_in_a_frame_are_read_and_the_damage_is_counted(
    tmp_path: Path, frames: tuple[bytes, bytes], share: float
) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(overwritten(frames[0], share) + frames[1])
    frame = pl.concat(read_sources(given({"path": path.name, "languages": ["fi"]}, max_expansion=400), "fi", tmp_path))
    bad = frame.filter(pl.col("reason") == "broken_file")
    good = frame.filter(pl.col("reason").is_null())["body"]
    assert [body.decode() for body in good[-6:]] == texts(SECOND)
    content, lost, doubtful = len("\n".join(FIRST)) + 1, bad["lost"].item(), bad["doubtful"].item()
    if "check sum" in bad["value"].item():
        assert (lost, doubtful) == (0, content)
    else:
        read = sum(len(f'{{"text": "{body.decode()}"}}\n') for body in good[:-6])
        assert doubtful == 0 and (read == 0 or 0.6 < lost / (content - read) < 1.6) and lost >= 4000


def stated(rows: list[str]) -> bytes:
    """A frame whose header states the size of its content, as the command `zstd` writes it for a file."""
    return bytes(pa.Codec("zstd").compress("".join(f"{row}\n" for row in rows).encode(), asbytes=True))


@pytest.mark.parametrize("kept", [20, 9000, 25_000, 40_000, 45_000])
def test_the_lost_bytes_of_a_cut_off_frame_are_exact_if_its_header_states_the_size(tmp_path: Path, kept: int) -> None:
    frame = stated(FIRST)
    assert len(frame) > 45_000
    data = stated(SECOND) + frame[:kept]
    reader = ZstdFrames(io.BufferedReader(io.BytesIO(data)), go_on=True)  # type: ignore[arg-type]
    read = len(b"".join(iter(reader.read, b""))) - sum(len(row) + 1 for row in SECOND)
    assert reader.damage.missing == sum(len(row) + 1 for row in FIRST) - read
    assert (reader.damage.lost, reader.damage.doubtful) == (0, 0)
    found, bad = records(tmp_path / "a.jsonl.zst", data, max_expansion=400)
    assert found[:6] == texts(SECOND) and dict(bad)["broken_file"] == reader.damage.missing


def test_the_lost_bytes_of_a_broken_block_are_exact_if_the_header_states_the_size(tmp_path: Path) -> None:
    frame = bytearray(stated(FIRST))
    second = 9 + 3 + (int.from_bytes(frame[9:12], "little") >> 3)  # after a header of 9 bytes and the first block
    frame[second] |= 6  # block type 3 does not exist
    found, bad = records(tmp_path / "a.jsonl.zst", bytes(frame) + stated(SECOND), max_expansion=400)
    assert found[-6:] == texts(SECOND) and found[:3000] == texts(FIRST)[:3000]
    left = sum(len(row) + 1 for row in FIRST) - 2**17
    assert left <= dict(bad)["broken_file"] <= left + STEP


def test_a_damaged_size_in_the_header_is_not_believed() -> None:
    frame = bytearray(stated(FIRST))
    frame[8] ^= 0x40  # adds 1 GiB to the stated size
    reader = ZstdFrames(io.BufferedReader(io.BytesIO(bytes(frame))), go_on=True)  # type: ignore[arg-type]
    while reader.read():
        pass
    assert reader.damage.first and reader.damage.missing == 0 and 0 < reader.damage.lost <= len(frame)


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
