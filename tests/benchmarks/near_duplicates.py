"""Near-duplicates from shingles to named copies, beside datatrove's MinHash.

The texts have 200 made-up words; a tenth of them are the second text of a planted pair. Ours starts from texts in
memory, writes and reads a shard with signatures, and ends with the decisions. datatrove starts from documents in memory
and ends with those that it keeps. Both use one thread, 112 permutations and shingles of 5 words.
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
THRESHOLD, SHINGLE = 0.8, 5
# Recall is measured on pairs just above the threshold, which are the hardest to find.
MARGIN = 0.05


def run() -> list[Row]:
    pairs = planted_pairs(OURS // 10, seed=1)
    texts = [text for pair in pairs for text in pair] + distinct_texts(OURS - 2 * len(pairs), seed=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts"
        path.write_text("\n".join(texts), encoding="utf-8")
        ours = _ours(path)
        # A tenth of the texts, in the same mixture.
        fewer = texts[: 2 * len(pairs) * THEIRS // OURS] + texts[2 * len(pairs) :][: 8 * THEIRS // 10]
        path.write_text("\n".join(fewer), encoding="utf-8")
        theirs, unsplit = (ask("datatrove_minhash", texts=str(path), language=code) for code in ("fin", None))
    recall, precision = _quality(ours["gone"], texts, len(pairs))
    peer_recall, peer_precision = _quality(theirs["gone"], fewer, len(pairs) // 10)
    speed = len(texts) / ours["seconds"]
    peer_speed, unsplit_speed = (len(fewer) / answer["seconds"] for answer in (theirs, unsplit))
    rate = "documents/s"
    return [
        Row("end to end", rate, speed, peer_speed, "datatrove 0.10, one thread each; ours must be 20 times as fast"),
        Row("end to end, words by blanks", rate, speed, unsplit_speed, "datatrove 0.10 without its word tokenizer"),
        Row("recall, Jaccard 0.80–0.85", "share", recall, peer_recall, "datatrove 0.10; ours must reach 0.95"),
        Row("precision, Jaccard 0.8", "share", precision, peer_precision, "datatrove 0.10; ours must reach 0.99"),
    ]


def _ours(texts: Path) -> Any:
    """Runs in a separate process, because polars sets its number of threads at import."""
    single = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "tests.benchmarks.ours.near_duplicates", str(texts)]
    process = subprocess.run(command, cwd=ROOT, env={**os.environ, **single}, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(f"near-duplicates ended with {process.returncode}:\n{process.stderr[-2000:]}")
    return json.loads(process.stdout)


def _quality(gone: list[list[int]], texts: list[str], pairs: int) -> tuple[float, float]:
    """Recall on the planted pairs just above the threshold, and precision of the dropped texts."""
    dropped = {number for number, _ in gone}
    similarity = [jaccard(texts[2 * pair], texts[2 * pair + 1], SHINGLE) for pair in range(pairs)]
    wanted = [pair for pair in range(pairs) if THRESHOLD <= similarity[pair] < THRESHOLD + MARGIN]
    found = sum(2 * pair in dropped or 2 * pair + 1 in dropped for pair in wanted)
    right = sum(jaccard(texts[number], texts[kept], SHINGLE) >= THRESHOLD for number, kept in gone)
    return found / len(wanted), right / len(gone)
