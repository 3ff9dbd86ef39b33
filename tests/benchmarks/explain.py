"""Times `python -m x_instruction explain ID` on a million documents, and the building of its index.

The artifacts of tests/commands are repeated until there are a million documents, with new ids and a number at the end
of each text, in shards of 100,000 rows. Every text has a pair in each later artifact, so the index has about nine
million rows.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from stages.params import Settings, load_settings
from stages.row_index import stage as row_index
from tests.benchmarks.table import ROOT, Row
from tests.commands.finished_run import finished_run, made, new_job
from x_instruction.runner.checksums import FILES, checksums, write_sealed
from x_instruction.runner.published import MANIFEST, read_manifest
from x_instruction.runner.shards import DROPS, no_drops, write_shard

DOCUMENTS, SHARD = 1_000_000, 100_000
LANGUAGE = "fi"
BOUND_SECONDS = 3.0
TRIES = 3
PAIRS = ("candidate_pairs", "rated_pairs/iteration_1", "rated_pairs/iteration_2", "refined_pairs", "diversified_set")
# Multiplication by these odd factors gives a document, its text and its pair different ids.
STEPS = {"document_id": 1, "text_id": 3, "id": 5}
SPREAD = 0x9E3779B97F4A7C15


def run(documents: int = DOCUMENTS) -> list[Row]:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        settings = finished_run(root, load_settings(ROOT / "params.yaml"), (LANGUAGE,))
        _enlarge(root, settings, documents)
        began = time.process_time()
        made(new_job(root, settings, "row_index", LANGUAGE), row_index)
        indexed = time.process_time() - began
        released = pl.scan_parquet(root / "data/released_set/dataset/fi/*.parquet").select("id", "document_id")
        ids = released.slice(documents // 2, 1).collect().row(0)
        seconds = {name: _seconds(root, row_id) for name, row_id in zip(("pair", "document"), ids, strict=True)}
        size = sum(path.stat().st_size for path in (root / "data/row_index" / LANGUAGE).iterdir()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    note = f"the bound; {documents:,} documents, the command with its imports"
    return [
        *(
            Row(f"explain a {name}", "CPU s", taken, BOUND_SECONDS, f"{note}; {elapsed:.1f} s elapsed")
            for name, (taken, elapsed) in seconds.items()
        ),
        Row("index of a language", "CPU s", indexed, 60.0, f"the bound; {size:.0f} MB, peak {peak:.1f} GB"),
    ]


def _enlarge(root: Path, settings: Settings, documents: int) -> None:
    """Replaces the kept rows of every artifact by many copies of them, which get new ids."""
    for artifact in ("raw_web_text", "filtered_text", *PAIRS):
        _repeat(root / "data" / artifact / LANGUAGE, "part", documents)
    _repeat(root / "data/released_set/dataset" / LANGUAGE, "train", documents)
    _seal(root / "data/released_set", {})


def _seal(folder: Path, changed: dict[str, int]) -> None:
    """Writes the checksums of the new files into the manifest, because every reader compares them."""
    files = checksums(folder, leave_out=[MANIFEST])
    write_sealed(folder / MANIFEST, {**read_manifest(folder), **changed, FILES: files})


def _repeat(folder: Path, name: str, documents: int) -> None:
    rows = pl.read_parquet(folder / f"{name}-*.parquet")
    own = {"raw_web_text": "document_id", "filtered_text": "text_id"}.get(folder.parent.name, "id")
    ids = {column: STEPS[column] for column in STEPS if column in rows.columns} | {"id": STEPS[own]}
    text = "text" if "text" in rows.columns else "response"
    for shard in range(documents // SHARD):
        numbers = pl.int_range(shard * SHARD, (shard + 1) * SHARD, dtype=pl.UInt32, eager=True)
        columns = [_ids(numbers, step).alias(column) for column, step in ids.items()]
        frame = rows[numbers % rows.height].with_columns(pl.format("{} {}", text, numbers).alias(text), *columns)
        write_shard(frame, folder / f"{name}-{shard:05d}.parquet")
        if name == "part":
            write_shard(no_drops(), folder / DROPS / f"part-{shard:05d}.parquet")
    if name == "part":
        _seal(folder, {"rows": documents})


def _ids(numbers: pl.Series, step: int) -> pl.Series:
    """16 hex digits for each number; multiplication by an odd constant spreads the numbers over all 64 bits."""
    return pl.Series([f"{number * SPREAD * step % 2**64:016x}" for number in numbers])


def _seconds(root: Path, row_id: str) -> tuple[float, float]:
    """The smallest numbers of CPU seconds and of elapsed seconds that the command took in several tries."""
    tries, elapsed = [], []
    for _ in range(TRIES):
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "x_instruction", "explain", row_id],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode or "released_set: kept" not in done.stdout:
            raise RuntimeError(done.stderr or done.stdout)
        tries.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        elapsed.append(time.monotonic() - began)
    return min(tries), min(elapsed)
