"""Measures peak memory and time of raw_web_text and filtered_text on a corpus of 1, 4 and 16 times a base size.

The corpus consists of Finnish documents of about 1,000 characters. Their sentences are those of the sample's pages,
with every third word replaced by another. One document in twenty is a copy of an earlier document, and one in twenty is
a near-duplicate. Each stage runs as `python -m stages` with one thread, in shards of 16,000 rows. The peak is that of
all the stage's processes together. The exponent is the slope of log CPU seconds over log documents. The CPU seconds for
100 documents are subtracted first, because otherwise the time to start and stop would make the slope too small.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

from stages.evaluator.defects import SENTENCE
from tests.benchmarks.table import ROOT, Row
from x_instruction.pages.main_text import extract_page

# The number of documents in the smallest corpus. A stage must spend at least a second on them, because starting it
# takes about five seconds, and this time varies. With 4,000 documents, raw_web_text took 0.2 to 0.9 s after the start,
# so the exponent was wrong (1.17 and 1.19).
DOCUMENTS, FACTORS = {"raw_web_text": 16_000, "filtered_text": 4_000}, (1, 4, 16)
# Smaller than the default, so that the largest corpus has several shards.
ROWS_PER_SHARD = 16_000
STAGES = ("raw_web_text", "filtered_text")
BOUND_GB, BOUND_EXPONENT = 2.0, 1.05


def run() -> list[Row]:
    rows = []
    _measured(100, *STAGES)  # a first run that fills numba's cache and the file cache
    start = _measured(100, *STAGES)
    for stage, documents in DOCUMENTS.items():
        stages = STAGES[: STAGES.index(stage) + 1]  # filtered_text reads what raw_web_text makes
        figures = {factor: _measured(documents * factor, *stages)[stage] for factor in FACTORS}
        for factor, (_, peak) in figures.items():
            note = f"the bound; {documents * factor:,} documents"
            rows.append(Row(f"{stage}, peak at {factor}x", "GB", peak / 1e9, BOUND_GB, note))
        seconds = [figures[factor][0] - start[stage][0] for factor in FACTORS]
        note = f"the bound; {', '.join(f'{taken:.1f}' for taken in seconds)} CPU s at {', '.join(map(str, FACTORS))}x"
        rows.append(Row(f"{stage}, time", "exponent", _slope(seconds), BOUND_EXPONENT, note))
    return rows


def _slope(seconds: list[float]) -> float:
    """Slope of the least-squares line through the logarithms."""
    return float(np.polyfit(np.log(FACTORS), np.log(seconds), 1)[0])


def _measured(documents: int, *stages: str) -> dict[str, tuple[float, int]]:
    """CPU seconds and peak bytes of each stage on a corpus of this many documents."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("XI_BENCH_FOLDER")) as name:
        root = Path(name)
        _prepare(root, documents)
        return {stage: _stage(root, stage) for stage in stages}


def _prepare(root: Path, documents: int) -> None:
    """Makes a project whose only source is the generated corpus."""
    for name in ("stages", "x_instruction", "languages"):
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "data" / "sample", root / "data" / "sample")
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    settings["languages"] = ["fi"]
    settings["execution"]["threads"] = 1
    settings["raw_web_text"]["sources"] = [{"path": "corpus/{language}.jsonl"}]
    settings["raw_web_text"]["rows_per_shard"] = ROWS_PER_SHARD
    (root / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (root / "corpus").mkdir()
    with (root / "corpus" / "fi.jsonl").open("w", encoding="utf-8") as file:
        for text in generated(documents):
            file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")


def generated(documents: int) -> Iterator[str]:
    draw = random.Random(7)
    pages = [extract_page(path.read_text(encoding="utf-8")).text for path in _pages()]
    sentences = [found.strip() for page in pages for found in SENTENCE.findall(page)]
    known = [sentence.split() for sentence in sentences if 40 < len(sentence) < 200]
    words = [word for sentence in known for word in sentence]
    earlier: list[str] = []
    for number in range(documents):
        if number % 20 < 2 and earlier:
            text = draw.choice(earlier)
            yield text if number % 20 else text.replace(draw.choice(text.split()), draw.choice(words), 1)
            continue
        chosen = [list(sentence) for sentence in draw.sample(known, 11)]
        for sentence in chosen:
            for place in range(draw.randrange(3), len(sentence), 3):
                sentence[place] = draw.choice(words)
        text = " ".join(" ".join(sentence) for sentence in chosen)
        # Only documents of the first few shards are copied, so that the generator needs little memory.
        if len(earlier) < 10_000 and number % 7 == 0:
            earlier.append(text)
        yield text


def _pages() -> list[Path]:
    expected = (ROOT / "data" / "sample" / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [row["page"] for row in map(json.loads, expected) if row["verdict"] == "keep"]
    return [ROOT / "data" / "sample" / "web" / page for page in kept if page.startswith("fi/")]


def _stage(root: Path, stage: str) -> tuple[float, int]:
    single = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "stages", stage, "fi"]
    environment = {**os.environ, **single, "PYTHONPATH": str(root)}
    before = _used()
    with (root / "log").open("w+") as log:
        running = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        peak = _peak(running)
        if running.returncode:
            log.seek(0)
            raise RuntimeError(f"{stage} ended with {running.returncode}:\n{log.read()[-2000:]}")
    return _used() - before, peak


def _used() -> float:
    """CPU seconds of all child processes that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _peak(running: subprocess.Popen[Any]) -> int:
    """The largest resident size in bytes of the process and its children together, sampled every 20 ms."""
    peak, process = 0, psutil.Process(running.pid)
    while running.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in family))
        except psutil.Error:
            pass  # a process has just ended
        time.sleep(0.02)
    return peak
