"""Compares our near-duplicate removal, from shingles to decisions, with datatrove's MinHash.

A text has about 200 made-up words, and a tenth of the texts are copies of another text with a few words replaced. Our
side starts from texts in memory, writes and reads the shard with the signatures, and ends with the decisions. The
datatrove side starts from its documents in memory and ends with the documents that it keeps. Each side has one thread,
112 permutations and shingles of 5 words.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.peer import ask
from tests.benchmarks.planted import distinct_texts, jaccard, planted_pairs
from tests.benchmarks.table import ROOT, Row

OURS, THEIRS = 60_000, 6_000
ALIKE, SHINGLE = 0.8, 5
# Recall is measured on pairs just above the threshold, because they are the hardest to find.
JUST = 0.05


def run() -> list[Row]:
    pairs = planted_pairs(OURS // 10, seed=1)
    texts = [text for pair in pairs for text in pair] + distinct_texts(OURS - 2 * len(pairs), seed=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts"
        path.write_text("\n".join(texts), encoding="utf-8")
        ours = _ours(path)
        # datatrove is slow, so it gets a tenth of the texts, with the same share of pairs.
        fewer = texts[: 2 * len(pairs) * THEIRS // OURS] + texts[2 * len(pairs) :][: 8 * THEIRS // 10]
        path.write_text("\n".join(fewer), encoding="utf-8")
        theirs, unsplit = (ask("datatrove_minhash", texts=str(path), language=code) for code in ("fin", None))
    mine, other = _quality(ours["gone"], texts, len(pairs)), _quality(theirs["gone"], fewer, len(pairs) // 10)
    speed = len(texts) / ours["seconds"]
    peer_speed, fastest = (len(fewer) / peer["seconds"] for peer in (theirs, unsplit))
    return [
        Row(
            "end to end",
            "documents/s",
            speed,
            peer_speed,
            "datatrove 0.10, one thread each; ours must be 20 times as fast",
        ),
        Row(
            "end to end, words between spaces",
            "documents/s",
            speed,
            fastest,
            "datatrove 0.10 without its word tokenizer",
        ),
        Row("recall, Jaccard 0.80–0.85", "share", mine[0], other[0], "datatrove 0.10; ours must reach 0.95"),
        Row("precision, Jaccard 0.8", "share", mine[1], other[1], "datatrove 0.10; ours must reach 0.99"),
    ]


def _ours(texts: Path) -> Any:
    """Runs the project in a new process, because the number of threads is fixed at import."""
    one_thread = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "tests.benchmarks.ours.near_duplicates", str(texts)]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, **one_thread}, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"near-duplicates ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    return json.loads(ended.stdout)


def _quality(gone: list[list[int]], texts: list[str], pairs: int) -> tuple[float, float]:
    """The recall of pairs, and the precision of the decisions.

    Of the pairs just above the similarity ALIKE, recall is the share that is found. Precision is the share of dropped
    texts that have at least this similarity to the text that is kept.
    """
    dropped = {one for one, _ in gone}
    alike = [jaccard(texts[2 * pair], texts[2 * pair + 1], SHINGLE) for pair in range(pairs)]
    wanted = [pair for pair in range(pairs) if ALIKE <= alike[pair] < ALIKE + JUST]
    found = sum(2 * pair in dropped or 2 * pair + 1 in dropped for pair in wanted)
    right = sum(jaccard(texts[one], texts[kept], SHINGLE) >= ALIKE for one, kept in gone)
    return found / len(wanted), right / len(gone)
