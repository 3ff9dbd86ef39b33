"""Bad input at its true size, against the limits of params.yaml: one reason each, the next record read, memory bounded.

Measured once, in a process of its own: each case takes a second or less, all together 0.7 GB, most of it the
last one's frame.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from tests.conftest import ROOT
from tests.stages.raw_web_text.sources import SENTENCE, page, response

BLANKS = 1_000_000_000
SECONDS, MEGABYTES = 120, 1_000

READ = """
import json, sys
from functools import partial
from pathlib import Path
from stages.params import load_settings
from stages.raw_web_text import stage
from stages.raw_web_text.records import read_sources
from stages.raw_web_text.settings import RawWebText
from x_instruction.runner.shards import by_parts

limits = load_settings(Path("params.yaml")).raw_web_text.model_dump()
found = {}
for name in sys.argv[2:]:
    settings = RawWebText.model_validate({**limits, "sources": [{"path": name, "languages": ["fi"]}]})
    transform = partial(stage.transform, settings=settings, language="fi")
    splits = [by_parts(frame, transform) for frame in read_sources(settings, "fi", Path(sys.argv[1]))]
    found[name] = [sum(one.kept.height for one in splits), [why for one in splits for why in one.dropped["reason"]]]
# Not ru_maxrss, which a process takes over from the one that starts it: 1.9 GB from a worker of the whole suite.
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps([found, int(peak) / 1e3]))
"""


def packed_blanks(head: bytes) -> bytes:
    """A gzip member of the head and 1 GB of blanks, in 1 MB: the same megabyte packed, a thousand times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    begin = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    one = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + one * (BLANKS // 1_000_000) + packer.flush()


def lying(body: bytes) -> bytes:
    return response("https://a.example/", body, 10**12) + response("https://b.example/", page())


def bomb_in_a_record() -> bytes:
    head = response("https://a.example/", b"", BLANKS).removesuffix(b"\r\n\r\n")
    return packed_blanks(head) + gzip.compress(response("https://b.example/", page()))


def bomb_of_the_server() -> bytes:
    header = "text/html\r\nContent-Encoding: gzip"
    return gzip.compress(response("https://a.example/", packed_blanks(b""), header=header), 1)


CASES: dict[str, tuple[Callable[[], bytes], int, list[str]]] = {
    "50_mb.html": (lambda: page(SENTENCE * 300_000), 0, ["page_too_large"]),
    "nested.html": (lambda: b"<html><body>" + b"<div>" * 100_000 + SENTENCE.encode(), 0, ["nested_too_deep"]),
    "nested_tables.html": (lambda: b"<html><body>" + b"<table><tr><td>" * 100_000, 0, ["nested_too_deep"]),
    "line_of_100_mb.jsonl": (
        lambda: b'{"text": "' + b"x" * 100_000_000 + b'"}\n{"text": "seuraava"}\n', 1, ["record_too_long"]
    ),
    "brackets.jsonl": (lambda: b'{"text": ' + b"[" * 29_000_000 + b'\n{"text": "a"}\n', 1, ["unreadable_record"]),
    "bomb.jsonl.gz": (lambda: packed_blanks(b'{"text": "a"}\n'), 1, ["decompression_bomb"]),
    "bomb.html.gz": (lambda: packed_blanks(page()), 0, ["page_too_large"]),
    "bomb.parquet.gz": (lambda: packed_blanks(b"PAR1"), 0, ["decompression_bomb"]),
    "bomb.warc.gz": (bomb_in_a_record, 1, ["decompression_bomb"]),
    "bomb_of_the_server.warc.gz": (bomb_of_the_server, 0, ["page_too_large"]),
    "lying.warc": (lambda: lying(b"<p>" + b"x" * 100_000_000), 1, ["broken_record"]),
    "lying_to_the_end.warc": (lambda: lying(b"x" * 100_000_000)[:90_000_000], 0, ["broken_record"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], float]:
    """Of each file how many records were kept and why the others were not, and the megabytes it all took."""
    root = tmp_path_factory.mktemp("bad")
    for name, (make, _, _) in CASES.items():
        (root / name).write_bytes(make())
    names = [*CASES, like_pages(root / "pages.parquet").name]
    done = subprocess.run(
        [sys.executable, "-c", READ, str(root), *names], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    for path in root.iterdir():
        path.unlink()
    found, peak = json.loads(done.stdout)
    return found, peak


def like_pages(path: Path) -> Path:
    """200 pages of 5 MB each, alike: 1 GB out of some kilobytes, without a limit that is passed."""
    with pq.ParquetWriter(path, pa.schema([("text", pa.binary())]), compression="zstd") as file:
        for _ in range(10):
            file.write_table(pa.table({"text": [b"\0" * 4_900_000] * 20}))
    return path


@pytest.mark.parametrize("name", CASES)
def test_bad_input_of_its_true_size_is_dropped_and_what_follows_is_read(
    read: tuple[dict[str, Any], float], name: str
) -> None:
    assert read[0][name] == [*CASES[name][1:]]


def test_pages_that_are_all_alike_are_read_a_few_at_a_time(read: tuple[dict[str, Any], float]) -> None:
    assert read[0]["pages.parquet"] == [0, ["nul_bytes"] * 200]


def test_bad_input_takes_no_more_memory_than_good(read: tuple[dict[str, Any], float]) -> None:
    assert read[1] < MEGABYTES
