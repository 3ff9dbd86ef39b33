"""Main text of real HTML: ours against trafilatura alone (precise, no comments, no tables too), in turns on one core.

Ours adds decoding, the provenance a page states, notices about cookies cut, joiners kept, mojibake mended and lines
normalised. It wins some of that back before the library's turn: a sound page is parsed without the search for what to
mend, and the library walks and copies a tree without scripts (1 of 1.6 MB of the news pages).
"""

from __future__ import annotations

import gc
import io
import json
import time
from collections.abc import Callable, Iterable

import pyarrow as pa  # type: ignore[import-untyped]
import trafilatura

from tests.benchmarks.table import Row, real_text
from x_instruction.pages.encodings import decode
from x_instruction.pages.main_text import OPTIONS, extract_page

CASES = {"pages of MDN": "docs_{}", "news pages": "pages_{}"}
LANGUAGES = {"docs_{}": ("bn", "fi", "id", "th", "tr", "vi"), "pages_{}": ("en", "fi", "id", "sw", "th", "tr", "vi")}
PAGES = 40  # of each language, evenly over the file
# The nine news pages take 0.14 s: the least of seven rounds, ours always first, differed by 5 % from run to run.
ROUNDS = 7
SECONDS = 12.0  # of both together: more rounds where a round is short
BARE = OPTIONS | {"favor_precision": True}


def run() -> list[Row]:
    rows = []
    for case, name in CASES.items():
        pages = [page for language in LANGUAGES[name] for page in _pages(name.format(language))]
        size = sum(map(len, pages)) / 1e6
        ours, bare = _seconds(pages)
        rows.append(Row(case, "MB/s", size / ours, size / bare, f"trafilatura {trafilatura.__version__} alone"))
    return rows


def _pages(name: str) -> list[bytes]:
    with pa.input_stream(str(real_text("html", f"{name}.jsonl.zst")), compression="zstd") as packed:
        texts = [json.loads(line)["text"] for line in io.BytesIO(packed.read())]
    chosen = texts[:: max(1, len(texts) // PAGES)][:PAGES]
    return [one.encode() if "<body" in one else f"<html><body>{one}</body></html>".encode() for one in chosen]


def _seconds(pages: list[bytes]) -> tuple[float, float]:
    """CPU seconds of ours and of the library in the round of the median ratio, each first in every other round.

    The machine is shared: what slows both down in a round leaves their ratio, and what hits one leaves the median.
    """
    rounds: list[tuple[float, float]] = []
    while len(rounds) < ROUNDS or sum(map(sum, rounds)) < SECONDS:
        if len(rounds) % 2:
            bare, ours = _timed(_bare, pages), _timed(_ours, pages)
        else:
            ours, bare = _timed(_ours, pages), _timed(_bare, pages)
        rounds.append((ours, bare))
    return sorted(rounds, key=lambda pair: pair[0] / pair[1])[len(rounds) // 2]


def _timed(extract: Callable[[bytes], object], pages: Iterable[bytes]) -> float:
    gc.collect()  # what the other left is not to be cleared away on this one's time
    start = time.process_time()
    for page in pages:
        extract(page)
    return time.process_time() - start


def _ours(page: bytes) -> object:
    return extract_page(decode(page, None, is_html=True))


def _bare(page: bytes) -> object:
    return trafilatura.extract(page.decode(), **BARE)
