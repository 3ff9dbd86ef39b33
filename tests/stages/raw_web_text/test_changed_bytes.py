"""No reader raises on 300 files with changed, cut, repeated or inserted bytes; each file gives kept or dropped rows."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from tests.conftest import ROOT
from tests.stages.raw_web_text.sources import SENTENCE, made, response, three, zstd

CHANGED = 25  # the number of changed files for each kind of file
ROWS = [{"text": f"{SENTENCE} {number}", "url": f"https://a.example/{number}", "date": "2020"} for number in range(20)]
LINES = "\n".join(map(json.dumps, ROWS)).encode()
PAGES = sorted((ROOT / "data/sample/web").glob("*/*.html"))
MARKS = [
    b"<", b">", b"\0", b"\xff", b"&#x110000;", b"<!--", b"<![CDATA[", b"<svg>", b"<table>", b'" ', b"\xed\xa0\x80",
    b"<?xml version='1.0' encoding='x'?>", b"\n\n", b"WARC/1.0\r\n", b"Content-Length: -5\r\n", b"{", b"[", b"\\ud800",
    b"\xef\xbb\xbf", b"1e999", b"<a:b c:d='1'>", b"<time datetime=>",
]  # fmt: skip


def table() -> bytes:
    columns = {name: [row[name] for row in ROWS] for name in ("text", "url")}
    data = io.BytesIO()
    pq.write_table(pa.table({**columns, "date": pa.array(range(20), pa.timestamp("ms"))}), data, row_group_size=7)
    return data.getvalue()


def page(random: Random) -> bytes:
    return random.choice(PAGES).read_bytes()


def packed_page(random: Random) -> bytes:
    coding = random.choice(["gzip", "br", "deflate", "zstd", "gzip, br", "compress"])
    header = f"text/html\r\nContent-Encoding: {coding}"
    return response("https://a.example/", gzip.compress(page(random)), header=header) + three()[1]


KINDS: dict[str, Callable[[Random, Path], bytes]] = {
    "a.jsonl": lambda random, root: LINES,
    "b.jsonl.gz": lambda random, root: gzip.compress(LINES[:900]) + gzip.compress(LINES[900:]),
    "c.jsonl.zst": lambda random, root: zstd(LINES, root / "packed"),
    "array.jsonl": lambda random, root: json.dumps(ROWS, indent=1).encode(),
    "e.parquet": lambda random, root: table(),
    "f.parquet.gz": lambda random, root: gzip.compress(table()),
    "g.warc": lambda random, root: b"".join(three()),
    "h.warc.gz": lambda random, root: b"".join(map(gzip.compress, three())),
    "i.warc.zst": lambda random, root: b"".join(zstd(record, root / "packed") for record in three()),
    "j.warc": lambda random, root: packed_page(random),
    "k.html": lambda random, root: page(random),
    "l.html.gz": lambda random, root: gzip.compress(page(random)),
}


def changed(data: bytes, random: Random) -> bytes:
    """The data after at most ten random changes."""
    found = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 4, 10])):
        at = random.randrange(max(len(found), 1))
        match random.randrange(6):
            case 0:
                found[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                del found[at : at + random.choice([1, 2, 30, 200])]
            case 2:
                found[at:at] = random.choice(MARKS)
            case 3:
                found[at:at] = found[: random.choice([3, 40, 300])]
            case 4:
                found[at : at + random.choice([1, 4, 20])] = random.randbytes(4)
            case _ if random.random() < 0.3:
                del found[at:]
    return bytes(found)


@pytest.mark.parametrize("name", KINDS)
def test_changed_files_give_rows_and_drops(tmp_path: Path, name: str) -> None:
    random = Random(name)
    for _ in range(CHANGED):
        (tmp_path / name).write_bytes(changed(KINDS[name](random, tmp_path), random))
        split = made(tmp_path, {"path": name, "languages": ["fi"]})
        assert split.kept.height + split.dropped.height > 0
