"""Content codings of pages are recognized by header and bytes; the last of several codings is undone first."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from stages.raw_web_text.content_codings import CodingError, decoded
from tests.stages.raw_web_text.sources import made, page, response, urls

LIMIT = 20_000
PAGE = page()
PLAIN_TEXT = "Järven rannalla kasvaa vanhoja mäntyjä.\n".encode() * 40


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


def brotli(data: bytes) -> bytes:
    return bytes(pa.Codec("brotli").compress(data, asbytes=True))


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "zstd": zstd,
    "br": brotli,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("body", [PAGE, PLAIN_TEXT])
@pytest.mark.parametrize("coding", PACK)
def test_a_page_is_unpacked_unless_it_is_unpacked_already(coding: str, body: bytes) -> None:
    assert decoded(PACK[coding](body), coding, LIMIT) == body
    assert decoded(body, coding, LIMIT) == body


@pytest.mark.parametrize(
    "header", ["gzip, gzip", "br, gzip", "deflate,zstd", "zstd, br", "gzip, deflate", "x-gzip, identity"]
)
def test_several_codings_are_undone_in_reverse_order(header: str) -> None:
    body = PAGE
    for coding in header.split(","):
        body = PACK.get(coding.strip(), bytes)(body)
    assert decoded(body, header, LIMIT) == PAGE


@pytest.mark.parametrize("header", ["", "identity", "br", "utf-8", "gzip", "none, chunked"])
@pytest.mark.parametrize("pack", [gzip.compress, zstd, lambda data: zstd(gzip.compress(data))])
def test_bytes_that_look_packed_are_unpacked_whatever_the_header(header: str, pack: Callable[[bytes], bytes]) -> None:
    assert decoded(pack(PAGE), header, LIMIT) == PAGE


def test_deflate_without_its_header_is_unpacked() -> None:
    assert decoded(bare_deflate(PAGE), "deflate", LIMIT) == PAGE


def test_at_most_one_byte_above_the_limit_is_unpacked() -> None:
    for coding, pack in PACK.items():
        assert len(decoded(pack(PAGE * 90), coding, LIMIT)) == LIMIT + 1


@pytest.mark.parametrize(
    "coding", ["compress", "x-compress", "exi", "pack200-gzip", "aes128gcm", "dcb", "dcz", "rot13"]
)
def test_a_coding_that_cannot_be_undone_is_named(coding: str) -> None:
    with pytest.raises(CodingError, match=f"content coding {coding.removeprefix('x-')} is not supported"):
        decoded((b"\x1f\x9d\x90" if "compress" in coding else b"\x90") + bytes(range(256)), coding, LIMIT)
    assert decoded(PAGE, coding, LIMIT) == PAGE


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate", "br"])
def test_a_damaged_coding_is_named(coding: str) -> None:
    packed = PACK[coding](PAGE)
    with pytest.raises(CodingError, match=f"content coding {coding} is damaged"):
        decoded(packed[:12] + bytes(range(0, 256, 3)) * 9, coding, LIMIT)


def test_a_page_that_is_packed_too_often_is_refused() -> None:
    body = PAGE
    for _ in range(8):
        body = gzip.compress(body)
    assert decoded(body, "", LIMIT) == PAGE
    body = gzip.compress(body)
    with pytest.raises(CodingError, match="gzip, more than 8 times"):
        decoded(body, "", LIMIT)


def test_an_archive_with_many_codings_is_read_and_the_others_are_dropped_by_name(tmp_path: Path) -> None:
    headers = ["", "zstd", "gzip", "x-gzip", "zstd", "gzip, gzip", "compress"]
    bodies = [PAGE, zstd(PAGE), gzip.compress(PAGE), gzip.compress(PAGE), PAGE, gzip.compress(gzip.compress(PAGE))]
    bodies.append(b"\x1f\x9d\x90" + bytes(range(256)))
    records = [
        response(f"https://{name}.example/", body, header=f"text/html\r\nContent-Encoding: {header}")
        for name, header, body in zip("abcdefg", headers, bodies, strict=True)
    ]
    (tmp_path / "fi.warc").write_bytes(b"".join(records))
    split = made(tmp_path, {"path": "{language}.warc"})
    assert urls(split) == list("abcdef")
    assert split.dropped.select("reason", "value").rows() == [
        ("content_coding", "content coding compress is not supported")
    ]
