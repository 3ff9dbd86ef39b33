"""If a gzip member is damaged, at most the rest of it or of a JSON array is lost, and the lost bytes are counted."""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from pathlib import Path

import polars as pl
import pytest

from stages.raw_web_text.gzip_members import GzipMembers
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.unread import in_bytes
from tests.stages.raw_web_text.sources import given, records, texts

FIRST = [json.dumps({"text": f"eka {number} {os.urandom(100).hex()}"}) for number in range(400)]
SECOND = [json.dumps({"text": f"toka {number}"}) for number in range(6)]


def packed(rows: list[str]) -> bytes:
    return gzip.compress(("\n".join(rows) + "\n").encode())


def test_rows_after_a_wrong_checksum_are_read(tmp_path: Path) -> None:
    first = bytearray(packed(FIRST))
    first[-8] ^= 0xFF
    found, bad = records(tmp_path / "a.jsonl.gz", bytes(first) + packed(SECOND))
    assert (found, bad) == (texts(FIRST + SECOND), [("broken_file", 0)])


def test_rows_after_a_wrong_length_are_read(tmp_path: Path) -> None:
    first = bytearray(packed(FIRST))
    first[-1] ^= 0xFF
    found, bad = records(tmp_path / "a.jsonl.gz", bytes(first) + packed(SECOND))
    assert (found, bad) == (texts(FIRST + SECOND), [("broken_file", 0)])


def damaged_half() -> bytes:
    """A gzip member with the rows of FIRST. A block of an unknown type begins in its middle."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    half = packer.compress("\n".join([*FIRST[:200], ""]).encode()) + packer.flush(zlib.Z_FULL_FLUSH)
    return half + b"\x06" + packer.compress("\n".join([*FIRST[200:], ""]).encode()) + packer.flush()


def test_damage_loses_the_rest_of_the_member_and_its_bytes_are_counted(tmp_path: Path) -> None:
    found, bad = records(tmp_path / "a.jsonl.gz", damaged_half() + packed(SECOND))
    assert found[-6:] == texts(SECOND)
    assert 150 < len(found) - 6 <= 200  # the rows before the damage, except the last decompressed piece
    assert found[:150] == texts(FIRST)[:150]
    lost = dict(bad)["broken_file"]
    assert 0.8 < lost / sum(map(len, FIRST[200:])) < 1.3


def value_of_damage(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    frame = pl.concat(read_sources(given({"path": str(path.name), "languages": ["fi"]}), "fi", path.parent))
    value: str = frame.filter(pl.col("reason") == "broken_file")["value"].item()
    return value


def scrambled() -> bytes:
    """A gzip member with an uncompressed block in which letters have changed. Only its checksum shows the damage."""
    packer = zlib.compressobj(0, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    data = packer.compress("\n".join([*SECOND, ""]).encode()) + packer.flush()
    return data.replace(b"toka 3", b"tpka 3")


@pytest.mark.parametrize(
    ("data", "doubtful"),
    [
        (scrambled(), sum(len(row) + 1 for row in SECOND)),
        (packed(FIRST) + scrambled(), sum(len(row) + 1 for row in SECOND)),
        (scrambled() * 2, 2 * sum(len(row) + 1 for row in SECOND)),
    ],
)
def test_bytes_of_a_member_with_a_wrong_check_sum_are_said_to_be_doubtful(
    tmp_path: Path, data: bytes, doubtful: int
) -> None:
    value = value_of_damage(tmp_path / "a.jsonl.gz", data)
    assert f"; {in_bytes(doubtful)} were read from the damaged parts and may be wrong" in value


def test_bytes_before_a_broken_block_are_said_to_be_doubtful(tmp_path: Path) -> None:
    assert "kB were read from the damaged parts" in value_of_damage(tmp_path / "a.jsonl.gz", damaged_half())


def test_what_was_read_of_a_cut_off_member_is_not_doubtful(tmp_path: Path) -> None:
    assert "may be wrong" not in value_of_damage(tmp_path / "a.jsonl.gz", packed(SECOND) + packed(FIRST)[:-2000])


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_the_rest_of_an_array_after_damage_is_lost_too(tmp_path: Path, share: float) -> None:
    array = f"[{', '.join(FIRST)}]".encode()
    start, end = int(len(array) * share), int(len(array) * (share + 0.1))
    damaged = gzip.compress(array[:start]) + b"\0" + gzip.compress(array[start:end])[1:] + gzip.compress(array[end:])
    found, bad = records(tmp_path / "a.jsonl.gz", damaged)
    assert found == texts(FIRST)[: len(found)] and len(found) >= len(FIRST) * share - 1
    assert 0.8 < sum(lost for _, lost in bad) / (len(array) - start) < 1.2


def test_a_damaged_header_makes_nothing_doubtful(tmp_path: Path) -> None:
    assert "may be wrong" not in value_of_damage(tmp_path / "a.jsonl.gz", packed(SECOND) + b"not gzip" * 9)


def test_bytes_between_members_are_skipped(tmp_path: Path) -> None:
    found, bad = records(tmp_path / "a.jsonl.gz", packed(SECOND) + b"not gzip\x1f\x8b\x08..." * 90 + packed(FIRST))
    assert found == texts(SECOND + FIRST)
    assert [reason for reason, _ in bad] == ["broken_file"]


def test_zeros_after_the_last_member_are_not_damage(tmp_path: Path) -> None:
    assert records(tmp_path / "a.jsonl.gz", packed(SECOND) + bytes(5000)) == (texts(SECOND), [])


def test_a_truncated_member_is_read_up_to_its_end_and_reported(tmp_path: Path) -> None:
    found, bad = records(tmp_path / "a.jsonl.gz", packed(SECOND) + packed(FIRST)[:-2000])
    assert found[:6] == texts(SECOND) and len(found) > 300
    assert [reason for reason, _ in bad] == ["unreadable_record", "broken_file"] or bad == [("broken_file", 0)]


@pytest.mark.parametrize("place", [2, 3])
def test_a_damaged_header_loses_only_its_member(tmp_path: Path, place: int) -> None:
    second = bytearray(packed(FIRST))
    second[place] = 0xFF
    found, bad = records(tmp_path / "a.jsonl.gz", packed(SECOND) + bytes(second) + packed(SECOND))
    assert found[:6] == found[-6:] == texts(SECOND)
    assert "broken_file" in dict(bad) and not set(found) & set(texts(FIRST))


def test_names_and_comments_in_a_header_are_not_data() -> None:
    data = io.BytesIO()
    with gzip.GzipFile("name.txt", "wb", fileobj=data) as file:
        file.write(b"hei")
    named = data.getvalue()
    extra = (
        named[:3] + bytes([named[3] | 4 | 16]) + named[4:10] + b"\x03\x00abc" + named[10:19] + b"remark\0" + named[19:]
    )
    for form in (named, extra):
        assert GzipMembers(io.BufferedReader(io.BytesIO(form)), go_on=False).read() == b"hei"  # type: ignore[arg-type]
