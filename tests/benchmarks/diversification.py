"""Compares diversified_set with faiss alone on the same vectors of a large set.

The vectors have 384 dimensions and lie around 2,000 random centres; every twentieth vector is a near copy of the
previous vector. They are stored in half precision in shards, as candidate_pairs stores them. Our side reads the
shards, subtracts the mean, clusters the vectors, drops near copies, draws one pair in 100 and measures the drawn pairs.
The faiss side reads the shards and clusters the vectors, with the same number of rounds and clusters. Each side runs in
a separate process with one thread and is timed in CPU seconds. XI_BENCH_VECTORS sets the number of vectors; the default
is 100,000.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.benchmarks.ours.diversification import COPY_AFTER, SIZE
from tests.benchmarks.table import ROOT, Row
from x_instruction.embeddings.vectors import INSTRUCTION, STORED
from x_instruction.runner.files import write_json
from x_instruction.runner.shards import write_shard

VECTORS = int(os.environ.get("XI_BENCH_VECTORS", "100000"))
SHARD, CENTRES = 50_000, 2_000
SPREAD, NEAR = 0.9, 0.25  # lengths of the noise added to a centre, and to a vector to make its near copy
BOUND_GB = 3.0
ROUNDS = "faiss with its default of 25 rounds, on 50,000 vectors"
RANDOM = "a random draw of the same size"


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("XI_BENCH_FOLDER")) as name:
        folder = Path(name)
        write(folder / "data/candidate_pairs/fi", VECTORS)
        ours, theirs = (_asked(kind, folder) for kind in ("ours", "faiss"))
    peer = VECTORS / theirs["clustering"]
    clustered = VECTORS / (ours["reading"] + ours["clustering"])
    size = f"{VECTORS:,} x {SIZE}, {theirs['clusters']} clusters"
    drawn, random, rating = (ours[draw] for draw in ("drawn", "random", "rating"))
    near = "nearest_neighbour_distance"
    return [
        Row(
            "clusters, from stored vectors",
            "vectors/s",
            clustered,
            peer,
            f"faiss alone, {size}; the goal is a ratio of 0.9",
        ),
        Row("all steps", "vectors/s", VECTORS / ours["seconds"], peer, f"faiss alone; {_seconds(ours)}"),
        Row("mean squared distance to the centre", "distance", theirs["our_inertia"], theirs["inertia"], ROUNDS),
        Row("peak memory", "GB", ours["peak"] / 1e9, BOUND_GB, f"the bound; {size}"),
        Row("near copies found", "share", ours["copies_found"], 0.95, "at least; a copy has a cosine of 0.97"),
        Row("clusters covered by 1 % of the pairs", "clusters", drawn["clusters"], random["clusters"], RANDOM),
        Row(
            "distance to the nearest neighbour",
            "1 - cosine",
            drawn[near],
            rating[near],
            "a draw of the same size by rating alone",
        ),
    ]


def _seconds(found: dict[str, Any]) -> str:
    parts = ("reading", "clustering", "near_identical", "figures")
    return ", ".join(f"{found[name]:.1f} s {name.replace('_', ' ')}" for name in parts)


def write(folder: Path, count: int) -> None:
    """Writes shards for both sides. Every COPY_AFTER-th vector is a near copy of the previous one."""
    random = np.random.default_rng(11)
    middles = _unit(random.standard_normal((CENTRES, SIZE), np.float32))
    for number, start in enumerate(range(0, count, SHARD)):
        rows = min(SHARD, count - start)
        vectors = _unit(middles[random.integers(CENTRES, size=rows)] + _noise(random, rows, SPREAD))
        copies = np.arange(COPY_AFTER - 1, rows, COPY_AFTER)
        vectors[copies] = _unit(vectors[copies - 1] + _noise(random, len(copies), NEAR))
        frame = pl.DataFrame(
            {
                "id": [f"{row:09d}" for row in range(start, start + rows)],
                "instruction": [f"Write text {row}." for row in range(start, start + rows)],
                "rating": random.random(rows),
                INSTRUCTION: [vector.tobytes() for vector in vectors.astype(STORED)],
            }
        )
        write_shard(frame, folder / f"part-{number:05d}.parquet")
    write_json(folder / "manifest.json", {"rows": count})


def _unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _noise(random: np.random.Generator, rows: int, length: float) -> Any:
    """Random vectors of about the given length."""
    return random.standard_normal((rows, SIZE), np.float32) * np.float32(length / np.sqrt(SIZE))


def _asked(kind: str, folder: Path) -> Any:
    """Measures one side in a new process, because a process has one peak memory and one number of threads."""
    one = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "tests.benchmarks.ours.diversification", kind, str(folder)]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, **one}, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"{kind} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    return json.loads(ended.stdout.splitlines()[-1])
