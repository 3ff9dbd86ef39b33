"""python -m tests.benchmarks.ours.diversification ours|faiss FOLDER: prints seconds, figures and peak bytes as JSON.

`ours` makes the decisions of diversified_set on the candidates in FOLDER. `faiss` reads the same vectors and clusters
them, as a short script would. The seconds are CPU seconds.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import polars as pl

from stages.diversified_set import decisions
from stages.diversified_set.clusters import ROUNDS, VECTORS_PER_CLUSTER, cluster, number_of_clusters
from stages.diversified_set.decisions import BEST_FIRST, decide
from stages.diversified_set.vectors import centred_vectors
from stages.params import load_settings
from tests.benchmarks.table import ROOT
from x_instruction.embeddings.encoder import Vectors
from x_instruction.embeddings.vectors import INSTRUCTION, vectors_of
from x_instruction.runner.job import Job

COMPARED = 50_000  # number of vectors that both sides cluster, to compare the mean distances to the centres
COPY_AFTER = 20  # every COPY_AFTER-th pair is a near copy of the previous pair
SIZE = 384  # dimensions of a vector
DRAWN_OF = 100  # one pair of this many is drawn


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    settings = load_settings(ROOT / "params.yaml")
    job = Job("diversified_set", "fi", None, settings, folder, folder / "staging", folder / "work", code="")
    paths = job.rows("candidate_pairs", "fi").paths()
    pairs = pl.scan_parquet(paths).select("id", "instruction", "rating").collect().sort(**BEST_FIRST)
    found = ours(job, pairs) if kind == "ours" else alone(paths)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**found, "peak": peak}))


def ours(job: Job, pairs: pl.DataFrame) -> dict[str, Any]:
    seconds = {name: timed(name) for name in ("cluster", "resembled", "diversity")}
    started = time.process_time()
    vectors = centred_vectors(job, pairs)
    read = time.process_time()
    wanted = max(pairs.height // DRAWN_OF, 2)
    made, figures = decide(pairs, vectors, job.settings.diversified_set, wanted, seed=17)  # type: ignore[attr-defined]
    ended = time.process_time()
    names = {"cluster": "clustering", "resembled": "near_identical", "diversity": "figures"}
    return {
        "seconds": ended - started,
        "reading": read - started,
        **{names[name]: taken() for name, taken in seconds.items()},
        "copies_found": copies_found(made),
        **figures,
    }


def timed(name: str) -> Callable[[], float]:
    """Times each call of a function of `decisions`. Returns a function that gives the sum of the CPU seconds so far."""
    function, taken = getattr(decisions, name), [0.0]

    def measured(*arguments: Any) -> Any:
        started = time.process_time()
        result = function(*arguments)
        taken[0] += time.process_time() - started
        return result

    setattr(decisions, name, measured)
    return lambda: taken[0]


def copies_found(made: pl.DataFrame) -> float:
    """The share of near copies for which either the copy or the original was dropped."""
    number = pl.col("id").cast(pl.Int64)
    pair = made.filter(number % COPY_AFTER >= COPY_AFTER - 2).group_by(number // COPY_AFTER)
    near = pair.agg((pl.col("reason") == "near_identical_instruction").any().fill_null(value=False))
    return float(near["reason"].mean() or 0.0)  # type: ignore[arg-type]


def alone(paths: list[Path]) -> dict[str, Any]:
    started = time.process_time()
    parts = [vectors_of(pl.read_parquet(path, columns=[INSTRUCTION])[INSTRUCTION], SIZE) for path in paths]
    vectors = np.concatenate(parts)
    del parts
    count = number_of_clusters(len(vectors), len(vectors) // DRAWN_OF, None)
    means = kmeans(vectors, count, niter=ROUNDS)
    means.index.search(vectors, 1)
    seconds = time.process_time() - started
    some = vectors[:COMPARED]
    count_of_some = number_of_clusters(len(some), len(some) // DRAWN_OF, None)
    theirs = kmeans(some, count_of_some).index.search(some, 1)[0].mean()
    numbers = cluster(some, count_of_some, seed=17).numbers
    return {"clustering": seconds, "clusters": count, "inertia": float(theirs), "our_inertia": inertia(some, numbers)}


def kmeans(vectors: Vectors, clusters: int, **changed: int) -> Any:
    """faiss k-means, which samples as many vectors per cluster as ours; `changed` has further settings of faiss."""
    means = faiss.Kmeans(vectors.shape[1], clusters, seed=17, max_points_per_centroid=VECTORS_PER_CLUSTER, **changed)
    means.train(vectors)
    return means


def inertia(vectors: Vectors, numbers: np.ndarray) -> float:
    """Mean squared distance of the vectors from the mean of their cluster."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    sums = np.add.reduceat(vectors[order], starts)
    sizes = np.diff(starts, append=len(numbers))
    squares = float(np.einsum("nd,nd->", vectors, vectors, dtype=np.float64))
    return (squares - float((np.einsum("cd,cd->c", sums, sums) / sizes).sum())) / len(vectors)


if __name__ == "__main__":
    main()
