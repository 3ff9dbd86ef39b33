"""A Parquet file with a single row group is read in batches, both as a file and as a dataset.

The memory is measured in a separate process; the memory that the process used before reading is subtracted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from tests.conftest import ROOT

TEXTS, TEXT_BYTES = 30_000, 5_000  # 150 MB of incompressible bytes
# The limit is above the 88 MB that reading in batches took. With the stored row group in memory, reading took 214 MB.
# With the decoded row group in memory, as `datasets` keeps it, reading took 1,061 MB.
MEGABYTES = 130

READ = """
import json, sys
from pathlib import Path
import datasets
from stages.params import load_settings
from stages.raw_web_text.records import read_source
from stages.raw_web_text.settings import RawWebText

def peak():
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))) / 1e3

limits = load_settings(Path("params.yaml")).raw_web_text.model_dump()
settings = RawWebText.model_validate({**limits, "sources": [json.loads(sys.argv[2])]})
before, read = peak(), 0
for number, record in enumerate(read_source(settings.sources[0], "fi", settings, Path(sys.argv[1]))):
    assert record["record"] == number and record["source"] == sys.argv[3]
    read += len(record["body"])
print(json.dumps([read, peak() - before]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("one_row_group")
    (root / "hub").mkdir()
    texts = [os.urandom(TEXT_BYTES) for _ in range(TEXTS)]
    table = pa.table(
        {"text": texts, "unused": texts}, schema=pa.schema([("text", pa.binary()), ("unused", pa.binary())])
    )
    pq.write_table(table, root / "hub" / "train.parquet", row_group_size=TEXTS, use_dictionary=False)
    return root


@pytest.mark.parametrize(
    ("source", "name"),
    [({"path": "hub/train.parquet"}, "hub/train.parquet"), ({"path": "hub", "format": "dataset"}, "hub/train")],
)
def test_a_large_row_group_is_not_kept_in_memory(folder: Path, source: dict[str, Any], name: str) -> None:
    given = json.dumps({**source, "languages": ["fi"]})
    arguments = [sys.executable, "-c", READ, str(folder), given, name]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    read, taken = json.loads(done.stdout)
    assert read == TEXTS * TEXT_BYTES
    assert taken < MEGABYTES
