"""Bad input of realistic size is dropped, the next record is read, and the memory is limited.

All files are read once, in a separate process, whose peak memory was 0.7 GB.
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
    form = "jsonl" if name.endswith(".json") else None
    source = {"path": name, "format": form, "languages": ["fi"]}
    settings = RawWebText.model_validate({**limits, "sources": [source]})
    transform = partial(stage.transform, settings=settings, language="fi")
    splits = [by_parts(frame, transform) for frame in read_sources(settings, "fi", Path(sys.argv[1]))]
    reasons = [reason for split in splits for reason in split.dropped["reason"]]
    found[name] = [sum(split.kept.height for split in splits), reasons]
# A process inherits ru_maxrss from the process that starts it (1.9 GB from a worker of the whole suite).
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps([found, int(peak) / 1e3]))
"""


def packed_blanks(head: bytes) -> bytes:
    """A gzip member of 1 MB that unpacks to the head and 1 GB of spaces. It repeats a compressed block 1,000 times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    megabyte = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + megabyte * (BLANKS // 1_000_000) + packer.flush()


def of_wrong_length(body: bytes) -> bytes:
    return response("https://a.example/", body, 10**12) + response("https://b.example/", page())


def bomb_in_a_record() -> bytes:
    head = response("https://a.example/", b"", BLANKS).removesuffix(b"\r\n\r\n")
    return packed_blanks(head) + gzip.compress(response("https://b.example/", page()))


def bomb_of_the_server() -> bytes:
    header = "text/html\r\nContent-Encoding: gzip"
    return gzip.compress(response("https://a.example/", packed_blanks(b""), header=header), 1)


CASES: dict[str, tuple[Callable[[], bytes], int, list[str]]] = {
    "50_mb.html": (lambda: page(SENTENCE * 300_000), 0, ["page_too_large"]),
    "nested.html": (lambda: b"<html><body>" + b"<div>" * 20_000 + SENTENCE.encode(), 0, ["nested_too_deep"]),
    "nested_tables.html": (lambda: b"<html><body>" + b"<table><tr><td>" * 100_000, 0, ["page_too_costly"]),
    "line_of_100_mb.jsonl": (
        lambda: b'{"text": "' + b"x" * 100_000_000 + b'"}\n{"text": "seuraava"}\n', 1, ["record_too_long"]
    ),
    "brackets.json": (
        lambda: b'[{"text": "a"}, {"text": ' + b"[" * 29_000_000, 1, ["broken_file"]
    ),
    "element_of_100_mb.json": (
        lambda: b'[{"text": "a"}, {"text": "' + b"x" * 100_000_000 + b'"}]', 1, ["record_too_long"]
    ),
    "brackets.jsonl": (lambda: b'{"text": ' + b"[" * 29_000_000 + b'\n{"text": "a"}\n', 1, ["unreadable_record"]),
    "bomb.jsonl.gz": (lambda: packed_blanks(b'{"text": "a"}\n'), 1, ["decompression_bomb"]),
    "bomb.html.gz": (lambda: packed_blanks(page()), 0, ["page_too_large"]),
    "bomb.parquet.gz": (lambda: packed_blanks(b"PAR1"), 0, ["decompression_bomb"]),
    "bomb.warc.gz": (bomb_in_a_record, 1, ["decompression_bomb"]),
    "bomb_of_the_server.warc.gz": (bomb_of_the_server, 0, ["page_too_large"]),
    "wrong_length.warc": (lambda: of_wrong_length(b"<p>" + b"x" * 100_000_000), 1, ["broken_record"]),
    "wrong_length_to_the_end.warc": (lambda: of_wrong_length(b"x" * 100_000_000)[:90_000_000], 0, ["broken_record"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], float]:
    """Reads all files. Returns the number of kept records and the drop reasons per file, and the peak memory in MB."""
    root = tmp_path_factory.mktemp("bad")
    for name, (make, _, _) in CASES.items():
        (root / name).write_bytes(make())
    names = [*CASES, equal_pages(root / "pages.parquet").name]
    done = subprocess.run(
        [sys.executable, "-c", READ, str(root), *names], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    for path in root.iterdir():
        path.unlink()
    found, peak = json.loads(done.stdout)
    return found, peak


def equal_pages(path: Path) -> Path:
    """A small file that unpacks to 200 equal pages of 4.9 MB; no page exceeds a limit."""
    with pq.ParquetWriter(path, pa.schema([("text", pa.binary())]), compression="zstd") as file:
        for _ in range(10):
            file.write_table(pa.table({"text": [b"\0" * 4_900_000] * 20}))
    return path


@pytest.mark.parametrize("name", CASES)
def test_bad_input_of_realistic_size_is_dropped_and_the_next_record_is_read(
    read: tuple[dict[str, Any], float], name: str
) -> None:
    assert read[0][name] == [*CASES[name][1:]]


def test_equal_pages_are_read_a_few_at_a_time(read: tuple[dict[str, Any], float]) -> None:
    assert read[0]["pages.parquet"] == [0, ["nul_bytes"] * 200]


def test_bad_input_takes_as_little_memory_as_good_input(read: tuple[dict[str, Any], float]) -> None:
    assert read[1] < MEGABYTES
