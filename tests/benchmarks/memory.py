"""Peak memory and time of raw_web_text and filtered_text as a generated corpus grows to 4 and 16 times its size.

Finnish documents of about 1,100 characters, made of sentences of the embedded sample in which every third word is
another's; a twentieth are near-duplicates of another, a twentieth copies. Each stage runs as `python -m stages`, one
thread, in shards of 16,000 rows. Peak is of the stage with all its processes. The exponent is the slope of log CPU
seconds (which other work on the machine does not lengthen) over log documents, less the seconds that it takes to start
and stop (those of 100 documents), which would make the slope too small.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.benchmarks.table import ROOT, Row
from x_instruction.pages.main_text import extract_page

# Of the smallest corpus: so many that they take a second or more beside the five that it takes to start, whose noise
# else is most of what is left. With 4,000 raw_web_text took 0.2 to 0.9 s of them, and the exponent was 1.17 and 1.19;
# with 16,000 it takes 1.3, 5.2 and 18.9.
DOCUMENTS, FACTORS = {"raw_web_text": 16_000, "filtered_text": 4_000}, (1, 4, 16)
# Smaller than the default, so that the largest corpus has several.
ROWS_PER_SHARD = 16_000
STAGES = ("raw_web_text", "filtered_text")
BOUND_GB, BOUND_EXPONENT = 2.0, 1.05


def run() -> list[Row]:
    rows = []
    _measured(100, *STAGES)  # the first run compiles what numba keeps, and reads the libraries from the disk
    start = _measured(100, *STAGES)
    for stage, documents in DOCUMENTS.items():
        # filtered_text needs what raw_web_text makes.
        before = STAGES[: STAGES.index(stage) + 1]
        figures = {factor: _measured(documents * factor, *before)[stage] for factor in FACTORS}
        for factor, (_, peak) in figures.items():
            note = f"the bound; {documents * factor:,} documents"
            rows.append(Row(f"{stage}, peak at {factor}x", "GB", peak / 1e9, BOUND_GB, note))
        seconds = [figures[factor][0] - start[stage][0] for factor in FACTORS]
        note = f"the bound; {', '.join(f'{one:.1f}' for one in seconds)} CPU s at {', '.join(map(str, FACTORS))}x"
        rows.append(Row(f"{stage}, time", "exponent", _exponent(seconds), BOUND_EXPONENT, note))
    return rows


def _exponent(seconds: list[float]) -> float:
    """Slope of the least squares line through the logarithms."""
    points = [(math.log(factor), math.log(one)) for factor, one in zip(FACTORS, seconds, strict=True)]
    middle = [sum(values) / len(points) for values in zip(*points, strict=True)]
    run_over = sum((x - middle[0]) ** 2 for x, _ in points)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in points) / run_over


def _measured(documents: int, *stages: str) -> dict[str, tuple[float, int]]:
    """CPU seconds and peak bytes of the stages, one after the other, over so many documents."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("XI_BENCH_FOLDER")) as name:
        root = Path(name)
        _prepare(root, documents)
        return {stage: _stage(root, stage) for stage in stages}


def _prepare(root: Path, documents: int) -> None:
    """A project folder whose one source is the generated corpus."""
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
    known = [one for page in pages for one in re.split(r"(?<=[.!?])\s+", page) if 40 < len(one) < 200]
    words = [word for one in known for word in one.split()]
    earlier: list[str] = []
    for number in range(documents):
        if number % 20 < 2 and earlier:
            text = draw.choice(earlier)
            yield text if number % 20 else text.replace(draw.choice(text.split()), draw.choice(words), 1)
            continue
        chosen = [one.split() for one in draw.sample(known, 11)]
        for sentence in chosen:
            for place in range(draw.randrange(3), len(sentence), 3):
                sentence[place] = draw.choice(words)
        text = " ".join(" ".join(one) for one in chosen)
        # As many as a shard, so that copies lie in other shards too; the generator's own memory stays small.
        if len(earlier) < 10_000 and number % 7 == 0:
            earlier.append(text)
        yield text


def _pages() -> list[Path]:
    expected = (ROOT / "data" / "sample" / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [one["page"] for one in map(json.loads, expected) if one["verdict"] == "keep"]
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
    """CPU seconds of the processes started from here that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak(running: subprocess.Popen[Any]) -> int:
    """Most bytes resident in the process and its children together, looked at every 20 ms until it ends."""
    peak, process = 0, psutil.Process(running.pid)
    while running.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(one.memory_info().rss for one in family))
        except psutil.Error:
            pass  # one of them has just ended
        time.sleep(0.02)
    return peak
